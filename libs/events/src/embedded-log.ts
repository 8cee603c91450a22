import type { Logger } from '@platform/log/logger.ts'
import type pg from 'pg'
import { Consumptions } from './consumptions.ts'
import { LogConsumption } from './embedded-log-consumption.ts'
import {
  type ConsumeOptions,
  type Consumption,
  type EventTransport,
  PARTITIONS,
  type TransportMessage,
} from './transport.ts'

export interface EmbeddedLogOptions {
  pool: pg.Pool
  /** For the connections on which its consumers hold their membership. */
  databaseUrl: string
  log: Logger
  /** Put before the names of topics and groups. */
  prefix?: string
  /** A member that has not been heard of for so long loses its partitions, default 10,000. */
  leaseMs?: number
}

const PURGE_EVERY_MS = 600_000
const PURGE_BATCH = 1_000

/** As `event_log.append` has it. */
const NO_SUCH_TOPIC = 'P0002'
const MOVE = `
  with moved as (
    delete from outbox where id = any (array(select id from outbox order by id limit $1)) returning outbox.*
  ), given as (
    select array_agg($2 || topic order by id) as topics, array_agg(key order by id) as keys,
      array_agg(event order by id) as events, array_agg(extract(epoch from clock_timestamp() - created_at)::real) as delays
    from moved
  )
  select event_log.append(topics, keys, events), delays from given where topics is not null`

/**
 * Kafka's part played by PostgreSQL: topics with partitions, groups with offsets, for one machine. All of it is in the
 * functions of the schema `event_log`.
 */
export class EmbeddedLog implements EventTransport {
  readonly #options: EmbeddedLogOptions
  readonly #prefix: string
  readonly #ensured = new Set<string>()
  readonly #consumptions = new Consumptions()
  readonly #purge: NodeJS.Timeout
  #hasSent = true

  constructor(options: EmbeddedLogOptions) {
    this.#options = options
    this.#prefix = options.prefix ?? ''
    this.#purge = setInterval(() => void this.#purgeOld(), PURGE_EVERY_MS).unref()
  }

  async ensureTopics(topics: string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.#ensured.has(topic))
    if (missing.length === 0) return
    const names = missing.map((topic) => this.#prefix + topic)
    await this.#options.pool.query('select event_log.ensure_topics($1, $2)', [names, PARTITIONS])
    for (const topic of missing) this.#ensured.add(topic)
  }

  async send(messages: TransportMessage[]): Promise<void> {
    this.#hasSent = false
    await this.#options.pool.query({
      name: 'event_log.append',
      text: 'select event_log.append($1, $2, $3)',
      values: [
        messages.map(({ topic }) => this.#prefix + topic),
        messages.map(({ key }) => key),
        messages.map(({ value }) => value),
      ],
    })
    this.#hasSent = true
  }

  async moveOutbox(client: pg.Client, limit: number): Promise<number[]> {
    this.#hasSent = false
    const move = { name: 'event_log.move', text: MOVE, values: [limit, this.#prefix] }
    const { rows } = await client.query<{ delays: number[] }>(move).catch(async (error) => {
      if (error.code !== NO_SUCH_TOPIC) throw error
      const text = 'select distinct topic from (select topic from outbox order by id limit $1) oldest'
      const oldest = await client.query<{ topic: string }>({ text, values: [limit] })
      await this.ensureTopics(oldest.rows.map(({ topic }) => topic))
      return client.query(move)
    })
    this.#hasSent = true
    return rows[0]?.delays ?? []
  }

  consume(options: ConsumeOptions): Consumption {
    const member = new LogConsumption({
      ...options,
      ...this.#options,
      prefix: this.#prefix,
      ensureTopics: () => this.ensureTopics(options.topics),
    })
    return this.#consumptions.add(member)
  }

  isHealthy(): boolean {
    return this.#hasSent && this.#consumptions.areReady()
  }

  async close(): Promise<void> {
    clearInterval(this.#purge)
    await this.#consumptions.stop()
  }

  /** Any number of processes may do this at once: they only find less to remove. */
  async #purgeOld(): Promise<void> {
    const { pool, log } = this.#options
    try {
      for (let purged = PURGE_BATCH; purged === PURGE_BATCH; ) {
        const { rows } = await pool.query<{ purged: number }>('select event_log.purge($1) as purged', [PURGE_BATCH])
        purged = rows[0]?.purged ?? 0
      }
    } catch (error) {
      log.warn('old records could not be purged', { error })
    }
  }
}
