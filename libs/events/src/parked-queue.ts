import { type Kysely, sql, type Transaction } from 'kysely'
import { failureKind, InvalidEvent, VersionGap } from './failures.ts'
import type { Handlers } from './handler.ts'
import { handleOnce } from './inbox.ts'
import type { EventTables, ParkedReason } from './tables.ts'
import type { ReceivedMessage } from './transport.ts'

/** A key of a topic: what is parked under it forms a queue. */
export interface QueueKey {
  topic: string
  key: string
}

/** A queue that somebody wants to be tried again, and when they said so. */
export interface RequestedReplay extends QueueKey {
  requestedAt: Date
}

/** Holds off everybody else who works on the same queue, until the transaction ends. */
export async function lockQueue<T>(trx: Transaction<T>, consumer: string, { topic, key }: QueueKey): Promise<void> {
  const name = JSON.stringify(['parked', consumer, topic, key])
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(trx)
}

/** Messages that wait for a version let others of their key pass; all the others hold them up. */
export function blocks(reason: ParkedReason): boolean {
  return reason !== 'gap'
}

/** Why a message is parked whose handler threw this. */
export function reasonFor(error: unknown): ParkedReason {
  if (error instanceof VersionGap) return 'gap'
  return error instanceof InvalidEvent ? 'invalid' : 'failed'
}

export interface ParkedQueueOptions<T extends EventTables> {
  db: Kysely<T>
  consumer: string
  handlers: Handlers<T>
  clock: () => Date
  /** Called after each message that took effect. */
  onApplied: (topic: string) => void
}

/** What a consumer has parked: how it gets there, and how it is tried again, in order. */
export class ParkedQueue<T extends EventTables> {
  readonly #options: ParkedQueueOptions<T>
  readonly #db: Kysely<EventTables>

  constructor(options: ParkedQueueOptions<T>) {
    this.#options = options
    this.#db = options.db as unknown as Kysely<EventTables>
  }

  /** Those of the keys that have something parked. */
  async keysWithQueue(topic: string, keys: string[]): Promise<Set<string>> {
    const rows = await this.#db
      .selectFrom('parked_event')
      .select('key')
      .distinct()
      .where('consumer', '=', this.#options.consumer)
      .where('topic', '=', topic)
      .where('key', '=', sql<string>`any (${keys})`)
      .execute()
    return new Set(rows.map(({ key }) => key))
  }

  /** Puts a message at the end of its key's queue. One that is there already (it was delivered again) stays as it is. */
  async park(message: ReceivedMessage, { error, attempts }: { error: unknown; attempts: number }): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      await lockQueue(trx, this.#options.consumer, message)
      await this.#insert(trx, message, { reason: reasonFor(error), error, attempts })
    })
  }

  /**
   * Handles a message whose key has a queue: behind what blocks it, or at once where all of that waits for versions.
   *
   * @throws whatever the handler throws; nothing is changed then
   */
  async admit(message: ReceivedMessage, work: (trx: Transaction<T>) => Promise<'handled' | 'duplicate'>) {
    return this.#options.db.transaction().execute(async (trx) => {
      await lockQueue(trx, this.#options.consumer, message)
      const tables = trx as unknown as Transaction<EventTables>
      const queue = await this.#queueOf(tables, message).select('reason').execute()
      if (!queue.some(({ reason }) => blocks(reason))) return work(trx)
      await this.#insert(tables, message, { reason: 'behind', error: undefined, attempts: 0 })
      return 'parked' as const
    })
  }

  /**
   * Tries what is parked under a key, in order, until nothing more can go on.
   *
   * @param isReplay also try what has failed; without it, a message that failed ends the run
   * @throws on an outage; what was done by then stays done
   */
  async run(queue: QueueKey, { isReplay }: { isReplay: boolean }): Promise<void> {
    for (let hasProgress = true; hasProgress; ) {
      hasProgress = false
      for (let after = 0; ; ) {
        const step = await this.#tryNext(queue, after, isReplay)
        if (step === undefined) break
        if (step.outcome === 'blocked') return
        if (step.outcome === 'applied') hasProgress = true
        after = step.id
      }
    }
  }

  /** The keys for which a replay was asked. */
  async requestedReplays(): Promise<RequestedReplay[]> {
    return this.#db
      .selectFrom('parked_event')
      .select(['topic', 'key', (of) => of.fn.max('replay_requested_at').$notNull().as('requestedAt')])
      .where('consumer', '=', this.#options.consumer)
      .where('replay_requested_at', 'is not', null)
      .groupBy(['topic', 'key'])
      .execute()
  }

  async #tryNext(queue: QueueKey, after: number, isReplay: boolean) {
    const { db, consumer, handlers, onApplied } = this.#options
    let id: number | undefined
    let isBlocking = false
    try {
      const step = await db.transaction().execute(async (trx) => {
        await lockQueue(trx, consumer, queue)
        const tables = trx as unknown as Transaction<EventTables>
        const row = await this.#queueOf(tables, queue)
          .selectAll()
          .where('id', '>', after)
          .orderBy('id')
          .limit(1)
          .executeTakeFirst()
        if (!row) return undefined
        id = row.id
        isBlocking = blocks(row.reason)
        if (isBlocking && !isReplay) return { id, outcome: 'blocked' as const }
        const reading = handlers.read(row)
        if (reading.kind === 'invalid') throw reading.error
        if (reading.kind === 'event') {
          const event = row.accepts_gap ? { ...reading.event, snapshot: true } : reading.event
          await handleOnce(trx, consumer, event, reading.handler)
        }
        await tables.deleteFrom('parked_event').where('id', '=', row.id).execute()
        return { id, outcome: 'applied' as const }
      })
      if (step?.outcome === 'applied') onApplied(queue.topic)
      return step
    } catch (error) {
      if (id === undefined || failureKind(error) === 'outage') throw error
      const reason = reasonFor(error)
      await this.#noteFailure(id, error, reason)
      return { id, outcome: blocks(reason) ? ('blocked' as const) : ('waits' as const) }
    }
  }

  /** Leaves a request for a replay alone: it may have come after this attempt began. */
  async #noteFailure(id: number, error: unknown, reason: ParkedReason): Promise<void> {
    await this.#db
      .updateTable('parked_event')
      .set((update) => ({
        reason,
        error: textOf(error),
        attempts: update('attempts', '+', 1),
      }))
      .where('id', '=', id)
      .execute()
  }

  /** Withdraws the requests, once they were run. */
  async settleReplay({ topic, key, requestedAt }: RequestedReplay): Promise<void> {
    await this.#db
      .updateTable('parked_event')
      .set({ replay_requested_at: null })
      .where('consumer', '=', this.#options.consumer)
      .where('topic', '=', topic)
      .where('key', '=', key)
      .where('replay_requested_at', '<=', requestedAt)
      .execute()
  }

  #queueOf(trx: Transaction<EventTables>, { topic, key }: QueueKey) {
    return trx
      .selectFrom('parked_event')
      .where('consumer', '=', this.#options.consumer)
      .where('topic', '=', topic)
      .where('key', '=', key)
  }

  async #insert(
    trx: Transaction<EventTables>,
    message: ReceivedMessage,
    { reason, error, attempts }: { reason: ParkedReason; error: unknown; attempts: number },
  ): Promise<void> {
    const { topic, key, partition, offset, value } = message
    const reading = this.#options.handlers.read(message)
    const event = reading.kind === 'event' ? reading.event : undefined
    await trx
      .insertInto('parked_event')
      .values({
        consumer: this.#options.consumer,
        topic,
        key,
        partition,
        offset,
        value,
        event_id: event?.id ?? null,
        event_type: event?.type ?? null,
        subject: event?.subject ?? null,
        reason,
        error: error === undefined ? null : textOf(error),
        attempts,
        parked_at: this.#options.clock(),
        replay_requested_at: null,
      })
      .onConflict((conflict) => conflict.constraint('parked_event_message_unique').doNothing())
      .execute()
  }
}

const MAX_ERROR_LENGTH = 2_000

function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.slice(0, MAX_ERROR_LENGTH).replaceAll('\0', '\uFFFD')
}
