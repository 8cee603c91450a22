import type { Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import type { Cause, CloudEvent } from './cloud-event.ts'
import type { EventType } from './event-type.ts'
import type { OutboxTables } from './tables.ts'

export type { Cause } from './cloud-event.ts'
export type { EventTables, InboxTables, OutboxTables } from './tables.ts'

/** One event to be published. */
export interface NewEvent<D> {
  /** Such as `/services/groups`. */
  source: string
  /** The entity's id. */
  subject: string
  /** Events of one key arrive in order. Default: the subject. */
  key?: string
  /** The entity's version after the change, from 1 on, without holes. */
  entityVersion: number
  data: D
  /** Set when nothing happened and the state is only told again. */
  snapshot?: boolean
}

/** An event and its type, for those who publish several at once. */
export interface TypedEvent<D = unknown> extends NewEvent<D> {
  type: EventType<D>
}

// Kafka takes a megabyte a message by default; the envelope and the protocol need some of it.
const MAX_EVENT_BYTES = 900_000

/**
 * Writes an event to the outbox, in the transaction of the command that causes it. The relay sends it after the commit.
 *
 * Call it after the entity's row was inserted, updated or locked: then events of one key have ascending ids in the
 * order in which their transactions commit.
 *
 * @throws Error when the data does not fit its schema or is too large: callers built it, so this is a bug
 */
export async function publish<T extends OutboxTables, D>(
  trx: Transaction<T>,
  type: EventType<D>,
  event: NewEvent<D>,
  cause: Cause,
): Promise<void> {
  await publishAll(trx, [{ ...event, type }], cause)
}

/** As `publish`, for several events in one statement; they keep their order. */
export async function publishAll<T extends OutboxTables>(
  trx: Transaction<T>,
  events: TypedEvent[],
  cause: Cause,
): Promise<void> {
  if (events.length === 0) return
  const outbox = trx as unknown as Transaction<OutboxTables>
  await outbox
    .insertInto('outbox')
    .values(events.map((event) => toOutboxRow(event, cause)))
    .execute()
}

/**
 * An event as the outbox has it, for those who write it with a statement of their own: in the transaction of the
 * command, and after the entity's row was locked or changed.
 *
 * @throws Error as `publish` does
 */
export function toOutboxRow(
  { type, ...event }: TypedEvent,
  cause: Cause,
): { topic: string; key: string; event: string } {
  const envelope: CloudEvent = {
    specversion: '1.0',
    id: uuidV7(),
    source: event.source,
    type: type.type,
    subject: event.subject,
    time: cause.at.toISOString(),
    datacontenttype: 'application/json',
    dataschema: type.dataschema,
    entityversion: event.entityVersion,
    traceparent: cause.traceparent,
    actorid: cause.actorId,
    snapshot: event.snapshot,
    data: type.parse(event.data),
  }
  const text = JSON.stringify(envelope)
  if (Buffer.byteLength(text) > MAX_EVENT_BYTES) throw new Error(`An event ${type.type} is too large to be sent.`)
  return { topic: type.topic, key: event.key ?? event.subject, event: text }
}
