import type { Logger } from '@platform/log/logger.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { type BatchItem, splitBatch } from './batch.ts'
import type { CloudEvent } from './cloud-event.ts'
import { failureKind } from './failures.ts'
import { type EventHandler, Handlers, prepareOne, type Reading } from './handler.ts'
import { handleAllOnce, handleOnce, purgeInbox } from './inbox.ts'
import { type ConsumerMetrics, consumerMetrics, type Outcome } from './metrics.ts'
import { ParkedQueue } from './parked-queue.ts'
import type { EventTables } from './tables.ts'
import type { Batch, EventTransport, ReceivedMessage } from './transport.ts'
import { backOffMs, pause, Slots } from './waiting.ts'

export { type ApplyEvents, type EventHandler, on, onBatch } from './handler.ts'

export interface ConsumerOptions<T extends EventTables> {
  db: Kysely<T>
  transport: EventTransport
  /** Also the consumer group's name: the service's. */
  name: string
  handlers: EventHandler<T>[]
  log: Logger
  clock: () => Date
  registry?: Registry
  /** How often a message is tried before it is parked, default 5; outages do not count. */
  attempts?: number
  /** The first pause between two tries, default 100; each is twice the one before. */
  retryMs?: number
  /** Messages handled at once, each in a transaction with a connection of its own, default 4. */
  concurrency?: number
  /** How long a handled event is remembered, default 14. */
  inboxRetentionDays?: number
  /** How often to look for replays that were asked for, default 2,000. */
  replayPollMs?: number
  /** Called after each commit: a handler may have published something. */
  onCommit?: () => void
}

/** Handles the events of a service's topics. */
export interface Consumer {
  /** Whether events arrive at the moment. */
  isReady(): boolean
  /** Finishes the messages at hand; the others are left to whoever comes next. */
  stop(): Promise<void>
}

const PURGE_EVERY_MS = 600_000
/** Events in one transaction: more of them would hardly be faster, and hold its locks for longer. */
const MOST_TOGETHER = 500

/**
 * Starts a service's consumer. Messages of one key are handled one after the other, different keys at once. One that
 * can't be handled is parked, and with it the later ones of its key; nothing that a handler throws ends the loop.
 */
export function startConsumer<T extends EventTables>(options: ConsumerOptions<T>): Consumer {
  if (options.handlers.length === 0) return { isReady: () => true, stop: async () => {} }
  return new EventConsumer(options)
}

class EventConsumer<T extends EventTables> implements Consumer {
  readonly #options: ConsumerOptions<T>
  readonly #handlers: Handlers<T>
  readonly #parked: ParkedQueue<T>
  readonly #metrics: ConsumerMetrics | undefined
  readonly #slots: Slots
  readonly #log: Logger
  readonly #stopping = new AbortController()
  readonly #consumption
  readonly #replays: Promise<void>
  readonly #purge: NodeJS.Timeout

  constructor(options: ConsumerOptions<T>) {
    const { db, name, handlers, transport, log, clock, registry, concurrency = 4 } = options
    this.#options = options
    this.#log = log
    this.#handlers = new Handlers(handlers)
    this.#metrics = consumerMetrics({ registry, db, log }, name)
    this.#slots = new Slots(concurrency)
    this.#parked = new ParkedQueue({
      db,
      consumer: name,
      handlers: this.#handlers,
      clock,
      onApplied: (topic) => {
        this.#count(topic, 'handled')
        options.onCommit?.()
      },
    })
    this.#purge = setInterval(() => void this.#purgeOld(), PURGE_EVERY_MS).unref()
    this.#replays = this.#watchReplays()
    const { topics } = this.#handlers
    this.#consumption = transport.consume({ group: name, topics, handle: (batch) => this.#handleBatch(batch) })
  }

  isReady(): boolean {
    return this.#consumption.isReady()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearInterval(this.#purge)
    await this.#consumption.stop()
    await this.#replays
  }

  /** @throws Error when the signal was aborted before everything was done: what is left comes again */
  async #handleBatch({ topic, partition, messages, lag, signal }: Batch): Promise<void> {
    const byKey = Map.groupBy(messages.map(withoutNul), ({ key }) => key)
    const queued = await this.#untilAvailable(signal, () => this.#parked.keysWithQueue(topic, [...byKey.keys()]))
    const { alone, together } = splitBatch(this.#handlers, byKey, queued)
    await Promise.all([
      ...alone.map(async (ofKey) => {
        for (const message of ofKey) await this.#handle(message, queued, signal)
      }),
      ...together.map(async (items) => {
        for (const chunk of chunksOf(items, MOST_TOGETHER)) await this.#handleTogether(chunk, queued, signal)
      }),
    ])
    this.#metrics?.lag.set({ topic, partition }, lag)
  }

  /** Handles events of one handler in one transaction, and those that cannot be handled so in ever smaller ones. */
  async #handleTogether(items: BatchItem<T>[], queued: Set<string>, signal: AbortSignal): Promise<void> {
    const [first] = items
    if (!first) return
    const isQueued = items.some(({ message }) => queued.has(message.key))
    if (items.length === 1 || isQueued) {
      // One of these keys has been parked meanwhile: what comes after it must not pass it.
      for (const { message } of items) await this.#handle(message, queued, signal)
      return
    }
    const fresh = await this.#applyTogether(items, signal)
    if (fresh) return this.#countTogether(items, fresh)
    const middle = Math.ceil(items.length / 2)
    await this.#handleTogether(items.slice(0, middle), queued, signal)
    await this.#handleTogether(items.slice(middle), queued, signal)
  }

  /** @returns the events that took effect; undefined when the transaction failed, so that none did */
  async #applyTogether(items: BatchItem<T>[], signal: AbortSignal): Promise<Set<CloudEvent> | undefined> {
    const { db, name } = this.#options
    const events = items.map(({ event }) => event)
    const attempt = async () => {
      const apply = await items[0]?.prepare(events)
      if (!apply) return undefined
      return db.transaction().execute((trx) => handleAllOnce(trx, name, events, apply))
    }
    try {
      return await this.#untilAvailable(signal, () => this.#slots.run(attempt))
    } catch (error) {
      if (signal.aborted) throw error
      const topic = items[0]?.message.topic ?? ''
      this.#metrics?.failures.inc({ topic, kind: failureKind(error) })
      this.#log.info('events are handled in smaller batches', { topic, events: events.length, error })
      return undefined
    }
  }

  #countTogether(items: BatchItem<T>[], fresh: Set<CloudEvent>): void {
    const now = this.#options.clock().getTime()
    for (const { message, event } of items) {
      this.#count(message.topic, fresh.has(event) ? 'handled' : 'duplicate')
      this.#metrics?.delay.observe({ topic: message.topic }, Math.max(now - Date.parse(event.time), 0) / 1_000)
    }
    this.#options.onCommit?.()
  }

  async #handle(message: ReceivedMessage, queued: Set<string>, signal: AbortSignal): Promise<void> {
    const { topic } = message
    const reading = this.#handlers.read(message)
    if (reading.kind === 'ignored') return this.#count(topic, 'ignored')
    const outcome = await this.#settle(message, reading, queued, signal)
    this.#count(topic, outcome)
    if (outcome === 'parked' || reading.kind === 'invalid') return
    const happenedAt = Date.parse(reading.event.time)
    this.#metrics?.delay.observe({ topic }, Math.max(this.#options.clock().getTime() - happenedAt, 0) / 1_000)
    this.#options.onCommit?.()
    // It may have been what the others of its key were waiting for.
    if (queued.has(message.key)) {
      await this.#untilAvailable(signal, () => this.#parked.run(message, { isReplay: false }))
    }
  }

  /** Tries for as long as it makes sense; in the end the message was handled, was known, or is parked. */
  async #settle(
    message: ReceivedMessage,
    reading: Exclude<Reading<T>, { kind: 'ignored' }>,
    queued: Set<string>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { attempts = 5, retryMs = 100 } = this.#options
    if (reading.kind === 'invalid') return this.#park(message, reading.error, 0, queued, signal)
    for (let failures = 0; ; ) {
      try {
        return await this.#untilAvailable(signal, () => this.#attempt(message, reading, queued))
      } catch (error) {
        if (signal.aborted) throw error
        failures++
        const kind = failureKind(error)
        this.#metrics?.failures.inc({ topic: message.topic, kind })
        if (kind !== 'retry' || failures >= attempts) return this.#park(message, error, failures, queued, signal)
        await pause(backOffMs(failures, { firstMs: retryMs }), signal)
      }
    }
  }

  #attempt(
    { topic, key, ...rest }: ReceivedMessage,
    { event, handler }: Extract<Reading<T>, { kind: 'event' }>,
    queued: Set<string>,
  ): Promise<Outcome> {
    const { db, name } = this.#options
    return this.#slots.run(async () => {
      const prepared = await prepareOne(handler, event)
      return queued.has(key)
        ? this.#parked.admit({ topic, key, ...rest }, (trx) => handleOnce(trx, name, event, prepared))
        : db.transaction().execute((trx) => handleOnce(trx, name, event, prepared))
    })
  }

  async #park(
    message: ReceivedMessage,
    error: unknown,
    attempts: number,
    queued: Set<string>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    await this.#untilAvailable(signal, () => this.#parked.park(message, { error, attempts }))
    queued.add(message.key)
    const { topic, key, partition, offset } = message
    const fields = { topic, key, partition, offset, attempts, error }
    if (failureKind(error) === 'gap') this.#log.info('event waits for an earlier version', fields)
    else this.#log.error('event parked', fields)
    return 'parked'
  }

  /**
   * Repeats `work` for as long as something that it needs is away; other errors are the caller's.
   *
   * @throws Error when the signal is aborted
   */
  async #untilAvailable<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R> {
    for (let failures = 0; ; ) {
      if (signal.aborted) throw new Error('The partition was taken away, or the consumer stops.')
      try {
        return await work()
      } catch (error) {
        if (failureKind(error) !== 'outage') throw error
        if (failures++ === 0) this.#log.warn('events wait for an outage to end', { error })
        await pause(backOffMs(failures), signal)
      }
    }
  }

  async #watchReplays(): Promise<void> {
    const { signal } = this.#stopping
    const { replayPollMs = 2_000 } = this.#options
    for (; !signal.aborted; await pause(replayPollMs, signal)) {
      try {
        for (const replay of await this.#parked.requestedReplays()) {
          this.#log.info('parked events are replayed', { topic: replay.topic, key: replay.key })
          await this.#parked.run(replay, { isReplay: true })
          await this.#parked.settleReplay(replay)
        }
      } catch (error) {
        this.#log.warn('parked events could not be replayed', { error })
      }
    }
  }

  async #purgeOld(): Promise<void> {
    const { db, name, inboxRetentionDays = 14 } = this.#options
    await purgeInbox(db, name, inboxRetentionDays).catch((error) => {
      this.#log.warn('the inbox could not be purged', { error })
    })
  }

  #count(topic: string, outcome: Outcome): void {
    this.#metrics?.outcomes.inc({ topic, outcome })
  }
}

function* chunksOf<E>(items: E[], size: number): Generator<E[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

/** PostgreSQL has no text with a NUL in it; a message with one is no JSON, so nothing is lost to a handler. */
function withoutNul(message: ReceivedMessage): ReceivedMessage {
  return {
    ...message,
    key: message.key.replaceAll('\0', '\uFFFD'),
    value: message.value.replaceAll('\0', '\uFFFD'),
  }
}
