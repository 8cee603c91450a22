import { type Kysely, sql, type Transaction } from 'kysely'
import { parseCloudEvent } from './cloud-event.ts'
import { InvalidEvent } from './failures.ts'
import { noteHandled } from './inbox.ts'
import { lockQueue } from './parked-queue.ts'
import type { InboxTables, ParkedReason } from './tables.ts'

/** A message that a service could not handle. */
export interface ParkedEvent {
  id: number
  /** The service. */
  consumer: string
  topic: string
  key: string
  reason: ParkedReason
  /** What its handler said the last time; null when it was never tried. */
  error: string | null
  attempts: number
  eventType: string | null
  eventId: string | null
  subject: string | null
  parkedAt: Date
  isReplayRequested: boolean
}

export interface ParkedFilter {
  consumer?: string
  topic?: string
  key?: string
  /** Default 100. */
  limit?: number
}

function parkedEvents(db: Kysely<InboxTables>) {
  return db
    .selectFrom('parked_event')
    .select(['id', 'consumer', 'topic', 'key', 'reason', 'error', 'attempts', 'subject'])
    .select(['event_type as eventType', 'event_id as eventId', 'parked_at as parkedAt'])
    .select((of) => of('replay_requested_at', 'is not', null).$castTo<boolean>().as('isReplayRequested'))
}

/** What is parked, oldest first. */
export async function listParked<T extends InboxTables>(
  db: Kysely<T>,
  { consumer, topic, key, limit = 100 }: ParkedFilter = {},
): Promise<ParkedEvent[]> {
  return parkedEvents(db as unknown as Kysely<InboxTables>)
    .$if(consumer !== undefined, (query) => query.where('consumer', '=', consumer ?? ''))
    .$if(topic !== undefined, (query) => query.where('topic', '=', topic ?? ''))
    .$if(key !== undefined, (query) => query.where('key', '=', key ?? ''))
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** One of them with the message as it came; undefined when there is none (any more). */
export async function showParked<T extends InboxTables>(
  db: Kysely<T>,
  id: number,
): Promise<(ParkedEvent & { value: string }) | undefined> {
  return parkedEvents(db as unknown as Kysely<InboxTables>)
    .select('value')
    .where('id', '=', id)
    .executeTakeFirst()
}

// As JavaScript's dates have it, so that the consumer can compare.
const now = sql<Date>`date_trunc('milliseconds', clock_timestamp())`

/**
 * Asks for the queue of this message's key to be tried again, from its beginning and in order. The service does it
 * within seconds: its handlers are there, and so is what else arrives for the key meanwhile.
 *
 * @param acceptGap apply this event although versions before it are missing (its data is the whole state)
 * @returns false when there is no such message
 */
export async function replayParked<T extends InboxTables>(
  db: Kysely<T>,
  id: number,
  { acceptGap = false }: { acceptGap?: boolean } = {},
): Promise<boolean> {
  return inQueueOf(db, id, async (trx, row) => {
    if (acceptGap) await trx.updateTable('parked_event').set({ accepts_gap: true }).where('id', '=', id).execute()
    await requestReplay(trx, row)
  })
}

/** As `replayParked`, for every key of a service. @returns how many messages are in their queues */
export async function replayAllParked<T extends InboxTables>(db: Kysely<T>, consumer: string): Promise<number> {
  const parked = db as unknown as Kysely<InboxTables>
  const { numUpdatedRows } = await parked
    .updateTable('parked_event')
    .set({ replay_requested_at: now })
    .where('consumer', '=', consumer)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/**
 * Gives up a message for good, and lets the others of its key go on. It counts as handled, should it be delivered
 * again. The next event of its subject need not wait for its version: it has the whole state.
 *
 * @returns false when there is no such message
 */
export async function dropParked<T extends InboxTables>(db: Kysely<T>, id: number): Promise<boolean> {
  return inQueueOf(db, id, async (trx, row) => {
    await trx.deleteFrom('parked_event').where('id', '=', id).execute()
    const event = identityOf(row.value)
    if (event) await noteHandled(trx, row.consumer, event)
    if (row.subject !== null) await acceptGapAfter(trx, row, row.subject)
    await requestReplay(trx, row)
  })
}

interface QueuedRow {
  id: number
  consumer: string
  topic: string
  key: string
  value: string
  subject: string | null
}

async function inQueueOf<T extends InboxTables>(
  db: Kysely<T>,
  id: number,
  work: (trx: Transaction<InboxTables>, row: QueuedRow) => Promise<void>,
): Promise<boolean> {
  const parked = db as unknown as Kysely<InboxTables>
  return parked.transaction().execute(async (trx) => {
    const find = () =>
      trx
        .selectFrom('parked_event')
        .select(['id', 'consumer', 'topic', 'key', 'value', 'subject'])
        .where('id', '=', id)
        .executeTakeFirst()
    const found = await find()
    if (!found) return false
    await lockQueue(trx, found.consumer, found)
    // The service may have handled it while we waited for the queue.
    const row = await find()
    if (row) await work(trx, row)
    return row !== undefined
  })
}

async function requestReplay(trx: Transaction<InboxTables>, { consumer, topic, key }: QueuedRow): Promise<void> {
  await trx
    .updateTable('parked_event')
    .set({ replay_requested_at: now })
    .where('consumer', '=', consumer)
    .where('topic', '=', topic)
    .where('key', '=', key)
    .execute()
}

async function acceptGapAfter(
  trx: Transaction<InboxTables>,
  { id, consumer, topic, key }: QueuedRow,
  subject: string,
): Promise<void> {
  const next = await trx
    .selectFrom('parked_event')
    .select('id')
    .where('consumer', '=', consumer)
    .where('topic', '=', topic)
    .where('key', '=', key)
    .where('subject', '=', subject)
    .where('id', '>', id)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  if (!next) return
  await trx.updateTable('parked_event').set({ accepts_gap: true }).where('id', '=', next.id).execute()
}

function identityOf(value: string): { id: string; source: string } | undefined {
  try {
    return parseCloudEvent(value)
  } catch (error) {
    if (error instanceof InvalidEvent) return undefined
    throw error
  }
}
