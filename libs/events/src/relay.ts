import type { Logger } from '@platform/log/logger.ts'
import type { Kysely } from 'kysely'
import pg from 'pg'
import type { Registry } from 'prom-client'
import { type RelayMetrics, relayMetrics } from './metrics.ts'
import { keepSession } from './session.ts'
import type { EventTables } from './tables.ts'
import type { EventTransport } from './transport.ts'
import { Bell, backOffMs, pause } from './waiting.ts'

export interface RelayOptions<T extends EventTables> {
  /** For the metrics. */
  db: Kysely<T>
  /** For hints to the relay of another process. */
  pool: pg.Pool
  /** For the connection that holds the relay's lock; the service's own login. */
  databaseUrl: string
  transport: EventTransport
  log: Logger
  registry?: Registry
  /** How often to look without a hint, default 1,000. */
  pollMs?: number
}

/** Sends what is in the outbox. Every process has one, and one of them is at work. */
export interface Relay {
  /** Says that something was committed. Cheap, never fails, and may be called too often. */
  wake(): void
  /** Whether this is the one at work. */
  readonly isActive: boolean
  stop(): Promise<void>
}

const BATCH = 500
// Below Kafka's limit for a request, should all of it go to one partition.
const BATCH_BYTES = 900_000
/** From one batch to the next. */
const GATHER_MS = 5
// Commands of other processes come in bunches; one hint is enough for each.
const HINT_AFTER_MS = 10

/**
 * Starts the relay of a schema's outbox.
 *
 * Of all processes, the one that holds an advisory lock sends. Rows are claimed and deleted on the very connection that
 * holds it. So whoever sends has claimed while the lock was held: two senders can only repeat each other, from the same
 * row on and in the same order, and a consumer that skips repetitions sees each key in order. A row that commits late
 * is claimed late, because nothing is remembered but what is in the table.
 */
export function startRelay<T extends EventTables>(options: RelayOptions<T>): Relay {
  return new OutboxRelay(options, relayMetrics(options))
}

interface OutboxRow {
  id: number
  topic: string
  key: string
  event: string
  created_at: Date
}

class SendFailure extends Error {
  constructor(cause: unknown) {
    super('Events could not be sent.', { cause })
  }
}

class OutboxRelay implements Relay {
  readonly #pool: pg.Pool
  readonly #transport: EventTransport
  readonly #log: Logger
  readonly #pollMs: number
  readonly #metrics: RelayMetrics | undefined
  readonly #stop = new AbortController()
  readonly #due = new Bell()
  readonly #done: Promise<void>
  #hint: NodeJS.Timeout | undefined
  #isActive = false

  constructor(options: Omit<RelayOptions<EventTables>, 'db'>, metrics: RelayMetrics | undefined) {
    this.#pool = options.pool
    this.#transport = options.transport
    this.#log = options.log
    this.#pollMs = options.pollMs ?? 1_000
    this.#metrics = metrics
    this.#done = keepSession({
      databaseUrl: options.databaseUrl,
      applicationName: 'outbox relay',
      log: options.log,
      stop: this.#stop.signal,
      run: (client, lost) => this.#run(client, lost),
    })
  }

  get isActive(): boolean {
    return this.#isActive
  }

  wake(): void {
    if (this.#isActive) this.#due.ring()
    if (this.#isActive || this.#hint || this.#stop.signal.aborted) return
    this.#hint = setTimeout(() => {
      this.#hint = undefined
      // A statement of its own: inside the command's transaction it would make all commits queue for one lock.
      this.#pool
        .query(`select pg_notify('outbox.' || current_schema(), '')`)
        .catch((error) => this.#log.debug('no hint could be given to the relay', { error }))
    }, HINT_AFTER_MS)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#hint)
    await this.#done
  }

  async #run(client: pg.Client, lost: AbortSignal): Promise<void> {
    if (!(await this.#acquire(client, lost))) return
    this.#setActive(true)
    // At once, not when what is being sent comes to its end: another one is at work by then.
    lost.addEventListener('abort', () => this.#setActive(false), { once: true })
    try {
      // Nothing waits for the disk here: should the server crash, what was done last was not, and is done again.
      await client.query('set synchronous_commit = off')
      const { rows } = await client.query<{ schema: string }>('select current_schema() as schema')
      client.on('notification', () => this.#due.ring())
      await client.query(`listen ${pg.escapeIdentifier(`outbox.${rows[0]?.schema}`)}`)
      await this.#relay(client, lost)
    } finally {
      this.#setActive(false)
    }
  }

  /** @returns false when the connection or the relay came to its end before */
  async #acquire(client: pg.Client, lost: AbortSignal): Promise<boolean> {
    while (!lost.aborted) {
      const { rows } = await client.query<{ acquired: boolean }>(
        `select pg_try_advisory_lock(hashtextextended('outbox relay ' || current_schema(), 0)) as acquired`,
      )
      if (rows[0]?.acquired) return true
      // Waiting inside pg_advisory_lock would hold a snapshot, and so keep vacuum from clearing the outbox.
      await pause(this.#pollMs, lost)
    }
    return false
  }

  async #relay(client: pg.Client, lost: AbortSignal): Promise<void> {
    let failures = 0
    while (!lost.aborted) {
      const delays = await this.#sendSome(client).catch((error) => {
        // Our own connection is at fault: the session begins anew.
        if (!(error instanceof SendFailure)) throw error
        this.#metrics?.failures.inc()
        if (failures++ === 0) this.#log.warn('events cannot be sent, trying again', { error: error.cause })
        return undefined
      })
      if (!delays) {
        await pause(backOffMs(failures), lost)
        continue
      }
      failures = 0
      this.#metrics?.sent.inc(delays.length)
      for (const seconds of delays) this.#metrics?.delay.observe(Math.max(seconds, 0))
      if (delays.length > 0) {
        // What is committed in the next moment goes along in one batch: under load that is what a batch is made of.
        await pause(GATHER_MS, lost)
      } else {
        await this.#due.wait(this.#pollMs, lost)
      }
    }
  }

  /**
   * @returns how long each event has waited, in seconds; none: there are none
   * @throws SendFailure when the transport did not take them: they are there still
   */
  async #sendSome(client: pg.Client): Promise<number[]> {
    if (this.#transport.moveOutbox) {
      return this.#transport.moveOutbox(client, BATCH).catch((error) => {
        throw error instanceof pg.DatabaseError ? new SendFailure(error) : error
      })
    }
    const rows = await this.#claim(client)
    if (rows.length === 0) return []
    await this.#send(rows).catch((error) => {
      throw new SendFailure(error)
    })
    const now = Date.now()
    await client.query({ name: 'sent', text: 'delete from outbox where id = any ($1)', values: [rows.map(idOf)] })
    return rows.map(({ created_at }) => (now - created_at.getTime()) / 1_000)
  }

  /** The first rows that wait, as many as fit into a request. */
  async #claim(client: pg.Client): Promise<OutboxRow[]> {
    const { rows } = await client.query<OutboxRow>({
      name: 'claim',
      text: 'select id, topic, key, event, created_at from outbox order by id limit $1',
      values: [BATCH],
    })
    let bytes = 0
    const tooMany = rows.findIndex(({ event }, index) => {
      bytes += Buffer.byteLength(event)
      return index > 0 && bytes > BATCH_BYTES
    })
    return tooMany === -1 ? rows : rows.slice(0, tooMany)
  }

  async #send(rows: OutboxRow[]): Promise<void> {
    await this.#transport.ensureTopics([...new Set(rows.map(({ topic }) => topic))])
    await this.#transport.send(rows.map(({ topic, key, event }) => ({ topic, key, value: event })))
  }

  #setActive(isActive: boolean): void {
    this.#isActive = isActive
    this.#metrics?.active.set(Number(isActive))
    if (isActive) this.#log.info('the outbox is relayed from here')
  }
}

const idOf = ({ id }: OutboxRow): number => id
