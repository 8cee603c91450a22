import type { ColumnType, Generated } from 'kysely'

/** What a service publishes and has not been sent yet. */
export interface OutboxTables {
  outbox: {
    /** Order within a key: it is drawn while the entity's row is locked. */
    id: Generated<number>
    topic: string
    key: string
    /** The CloudEvent, as JSON text. */
    event: string
    created_at: Generated<Date>
  }
}

/**
 * Why a message is parked. `invalid`: its shape is wrong. `failed`: its handler fails. `gap`: a version before it is
 * missing. `behind`: an earlier message of its key is parked.
 */
export type ParkedReason = 'invalid' | 'failed' | 'gap' | 'behind'

/** What a service has consumed, and what it could not. */
export interface InboxTables {
  inbox: {
    consumer: string
    event_id: string
    source: string
    handled_at: Generated<Date>
  }
  parked_event: {
    /** Order within a key. */
    id: Generated<number>
    consumer: string
    topic: string
    key: string
    partition: number
    offset: number
    value: string
    event_id: string | null
    event_type: string | null
    subject: string | null
    reason: ParkedReason
    error: string | null
    attempts: ColumnType<number, number, number>
    /** Whether the event may be applied although a version before it is missing. */
    accepts_gap: Generated<boolean>
    parked_at: Date
    replay_requested_at: Date | null
  }
}

/** The tables that this library keeps in the schema of each service. */
export type EventTables = OutboxTables & InboxTables
