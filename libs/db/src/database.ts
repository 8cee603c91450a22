import type { Logger } from '@platform/log/logger.ts'
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import pg from 'pg'
import { clientThatWaits } from './client.ts'
import { Pipelines } from './pipelines.ts'
import { allowPrepared } from './prepared.ts'

// Counters and byte counts stay far below 2^53, so bigint may be a number.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
// A wall clock belongs to no zone: as a Date it would be read in the zone of this machine.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMP, (text) => text)

/** How a process reaches its schema. */
export interface DatabaseOptions {
  /**
   * `postgres://ROLE:PASSWORD@HOST:PORT/DATABASE`; the role's search path is its own schema. With `?connect_timeout=5`,
   * as libpq has it, a request waits so many seconds for a connection, default 2; then the answer is 503.
   */
  url: string
  /** Shown in `pg_stat_activity`. */
  applicationName: string
  log: Logger
  /** Connections at most, default 10; beside them are two that prepared reads share. */
  poolSize?: number
  /** Ends a statement that runs longer, default 10,000. */
  statementTimeoutMs?: number
  /** Settings of each connection, such as `enable_seqscan: 'off'`. */
  settings?: Record<string, string>
}

/** A Kysely instance and its connections, closed together. */
export interface Database<T> {
  db: Kysely<T>
  pool: pg.Pool
  close(): Promise<void>
}

/**
 * Opens a pool on the service's own schema. Connecting happens with the first query, so it never throws.
 *
 * A query that cannot have a connection, or loses it, rejects with an error for which `isUnavailable` is true.
 */
export function openDatabase<T>(options: DatabaseOptions): Database<T> {
  const statementTimeoutMs = options.statementTimeoutMs ?? 10_000
  const Client = clientThatWaits(statementTimeoutMs + 2_000)
  const connection: pg.ClientConfig = {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs(options.url),
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    options: Object.entries(options.settings ?? {})
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
  }
  const pool = new pg.Pool({ ...connection, max: options.poolSize ?? 10, Client })
  pool.on('error', (error) => options.log.warn('idle database connection lost', { error }))
  // One that is lost between two statements of a transaction says so by an event, which would end the process if nobody
  // listened; the transaction learns it from its next statement.
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<T>({ dialect: new PostgresDialect({ pool }) })
  const pipelines = new Pipelines(() => new Client({ ...connection, pipeline: true }))
  allowPrepared(db, { pool, pipelines })
  return {
    db,
    pool,
    close: async () => {
      await Promise.all([pipelines.close(), db.destroy()])
    },
  }
}

const CONNECT_TIMEOUT_S = 2

function connectTimeoutMs(url: string): number {
  const seconds = Number(new URL(url).searchParams.get('connect_timeout'))
  return (seconds > 0 ? seconds : CONNECT_TIMEOUT_S) * 1_000
}

/** A handle that is certainly inside a transaction: functions that need one take this. */
export type Tx<T> = Transaction<T>

const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
])

/** True for an outage of the database (or a pool that is exhausted), false for a fault in a statement. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: string }).code ?? ''
  // 08: connection faults; 57P01-03: the server shuts down or starts; 53: out of connections or memory;
  // 25006: it has become read-only, as a standby after a failover.
  if (UNAVAILABLE.has(code) || code.startsWith('08') || code.startsWith('53')) return true
  if (code === '57P01' || code === '57P02' || code === '57P03' || code === '25006') return true
  return /timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Query read timeout|server closed the connection/i.test(
    error.message,
  )
}

/** True when `error` is a violation of exactly this unique constraint or index. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  const violation = error as { code?: string; constraint?: string }
  return violation?.code === '23505' && violation.constraint === constraint
}

/** True for a deadlock or a serialisation failure: the same transaction may well succeed when tried again. */
export function isRetryable(error: unknown): boolean {
  const code = (error as { code?: string })?.code
  return code === '40001' || code === '40P01'
}
