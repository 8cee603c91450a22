import type { Logger } from '@platform/log/logger.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import pg from 'pg'
import type { GatewayTables } from '../db/schema.ts'

/** What every replica has to forget, or look at anew. */
export interface Invalidation {
  kind: 'key' | 'session' | 'account' | 'signing-keys'
  id: string
}

const CHANNEL = 'gateway_invalidation'
const CHECK_MS = 400
const RECONNECT_MS = 250

/** Tells all replicas, when the transaction commits. */
export async function announce(
  trx: Transaction<GatewayTables> | Kysely<GatewayTables>,
  invalidation: Invalidation,
): Promise<void> {
  await sql`select pg_notify(${CHANNEL}, ${JSON.stringify(invalidation)})`.execute(trx)
}

/** What listens has to do. */
export interface Listeners {
  onInvalidation: (invalidation: Invalidation) => void
  /** Something may have been missed: nothing remembered is to be believed. */
  onGap: () => void
}

/**
 * Listens for invalidations on a connection of its own. It also proves, a few times a second, that nothing is under
 * way: PostgreSQL delivers what was notified before it answers the next query of the same connection. A connection that
 * hangs without an error proves nothing, so what depends on it falls back to short memories by itself.
 */
export class InvalidationListener {
  readonly #url: string
  readonly #log: Logger
  readonly #listeners: Listeners
  #client: pg.Client | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  /** Up to this moment, by the monotonic clock, everything that was announced has been heard. */
  #heardUntil = Number.NEGATIVE_INFINITY

  constructor(url: string, log: Logger, listeners: Listeners) {
    this.#url = url
    this.#log = log
    this.#listeners = listeners
  }

  /** @see performance.now */
  get heardUntil(): number {
    return this.#heardUntil
  }

  /** Begins; it goes on trying when the database is away. */
  async start(): Promise<void> {
    await this.#connect()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'gateway-invalidation',
      connectionTimeoutMillis: 2_000,
      query_timeout: 1_000,
      keepAlive: true,
    })
    this.#client = client
    client.on('error', (error) => this.#lost(client, error))
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload }) => this.#receive(payload))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      this.#listeners.onGap()
      await this.#check(client)
    } catch (error) {
      this.#lost(client, error)
    }
  }

  async #check(client: pg.Client): Promise<void> {
    const asked = performance.now()
    try {
      await client.query('select 1')
    } catch (error) {
      return this.#lost(client, error)
    }
    if (this.#client !== client) return
    this.#heardUntil = asked
    this.#timer = setTimeout(() => void this.#check(client), CHECK_MS)
  }

  #receive(payload: string | undefined): void {
    try {
      this.#listeners.onInvalidation(JSON.parse(payload ?? '') as Invalidation)
    } catch (error) {
      this.#log.warn('an invalidation could not be read', { error })
      this.#listeners.onGap()
    }
  }

  #lost(client: pg.Client, error?: unknown): void {
    if (this.#client !== client || this.#isStopped) return
    this.#client = undefined
    clearTimeout(this.#timer)
    this.#log.warn('not listening for revocations; they are looked up each second until it works again', { error })
    client.end().catch(() => {})
    this.#timer = setTimeout(() => void this.#connect(), RECONNECT_MS)
  }
}
