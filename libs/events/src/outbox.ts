import { randomUUIDv7 } from 'node:crypto'
import { type Expression, type RawBuilder, sql, type Transaction } from 'kysely'
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

/** What the outbox has of an event, beside its id and time. */
export interface OutboxRow {
  topic: string
  key: string
  /** The CloudEvent as JSON. */
  event: string
}

/** An event without what only the statement knows that causes it: the entity's version and some counts. */
export interface EventDraft<D extends object, C extends keyof D & string>
  extends Omit<NewEvent<D>, 'entityVersion' | 'data'> {
  type: EventType<D>
  data: Omit<D, C>
  /** Columns that are whole numbers from 0 on, as the table's check says. */
  counts: readonly C[]
}

const LARGEST_INTEGER = 2_147_483_647

/**
 * Prepares an event that the statement writes to the outbox which changes the entity: so the entity's row is locked for
 * one statement and its commit, and not for the way to us and back.
 *
 * The data is held against its schema with every count at both ends of what its column can hold.
 *
 * @returns the row, but for what `completed` adds to its event
 * @throws Error when it does not fit: callers built it, so this is a bug
 */
export function draftEvent<D extends object, C extends keyof D & string>(
  { type, counts, ...event }: EventDraft<D, C>,
  cause: Cause,
): OutboxRow {
  const rowWith = (count: number) => {
    const data = { ...event.data, ...Object.fromEntries(counts.map((name) => [name, count])) }
    return toOutboxRow({ ...event, type, data, entityVersion: 1 }, cause)
  }
  rowWith(0)
  return rowWith(LARGEST_INTEGER)
}

/**
 * The event's text once the statement knows the rest. It is null where one of the numbers is, and the outbox takes no
 * null, so that a statement that changed nothing fails as a whole: see `isUnannounced`.
 *
 * @param draft the text that `draftEvent` made
 */
export function completed(
  draft: Expression<unknown>,
  entityVersion: Expression<unknown>,
  counts: Record<string, Expression<unknown>>,
): RawBuilder<string> {
  const withVersion = sql`jsonb_set(${draft}::jsonb, '{entityversion}', to_jsonb(${entityVersion}))`
  const complete = Object.entries(counts).reduce(
    (event, [name, count]) => sql`jsonb_set(${event}, array['data', ${sql.lit(name)}], to_jsonb(${count}))`,
    withVersion,
  )
  return sql<string>`(${complete})::text`
}

/** True when a statement failed because its event lacked a number: there was nothing that it could change. */
export function isUnannounced(error: unknown): boolean {
  const { code, table, column } = (error ?? {}) as { code?: string; table?: string; column?: string }
  return code === '23502' && table === 'outbox' && column === 'event'
}

/**
 * An event as the outbox has it, for those who write it with a statement of their own: in the transaction of the
 * command, and after the entity's row was locked or changed.
 *
 * @throws Error as `publish` does
 */
export function toOutboxRow({ type, ...event }: TypedEvent, cause: Cause): OutboxRow {
  const envelope: CloudEvent = {
    specversion: '1.0',
    id: randomUUIDv7(),
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
