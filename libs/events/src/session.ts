import type { Logger } from '@platform/log/logger.ts'
import pg from 'pg'
import { backOffMs, pause } from './waiting.ts'

export interface SessionOptions {
  databaseUrl: string
  /** Shown in `pg_stat_activity`. */
  applicationName: string
  log: Logger
  /** Ends the session for good. */
  stop: AbortSignal
  /**
   * The work, on a connection of its own, so that locks, listeners and the work live and die together.
   *
   * @param lost aborted when the connection is gone or `stop` is
   */
  run(client: pg.Client, lost: AbortSignal): Promise<void>
}

const QUERY_TIMEOUT_MS = 5_000

/** Runs `run` on a dedicated connection, and again on a new one whenever it is lost, until it is told to stop. */
export async function keepSession({ databaseUrl, applicationName, log, stop, run }: SessionOptions): Promise<void> {
  let failures = 0
  while (!stop.aborted) {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: applicationName,
      connectionTimeoutMillis: 3_000,
      // A server that does not answer counts as lost: its locks may be somebody else's soon.
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    })
    const lost = new AbortController()
    client.on('error', (error) => lost.abort(error))
    client.on('end', () => lost.abort())
    try {
      await client.connect()
      failures = 0
      await run(client, AbortSignal.any([lost.signal, stop]))
    } catch (error) {
      if (!stop.aborted && failures === 0) log.warn('database session lost', { session: applicationName, error })
    }
    await end(client)
    if (!stop.aborted) await pause(backOffMs(++failures), stop)
  }
}

async function end(client: pg.Client): Promise<void> {
  const given = new AbortController()
  const ended = client
    .end()
    .catch(() => {})
    .finally(() => given.abort())
  // A peer that is gone never confirms.
  await Promise.race([ended, pause(1_000, given.signal)])
}
