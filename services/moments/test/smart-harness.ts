import { randomUUID } from 'node:crypto'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { MomentsTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import type { SmartFeedPage } from '../src/smart/shapes.ts'

/** The moments service alone, with a clock that only the test moves. */
export interface SmartHarness {
  /** The service's own login. */
  database: Database<MomentsTables>
  now(): Date
  advance(minutes: number): void
  /** A user with a robot. */
  user(): Promise<{ caller: ServiceCaller; robotId: string }>
  /** Moments that were captured one after the other, ten minutes apart, the newest now. */
  moments(robotId: string, count: number, type?: string): Promise<string[]>
  /** The first page, of at most 100 moments. */
  first(caller: ServiceCaller, query?: string): Promise<SmartFeedPage>
  stop(): Promise<void>
}

/** Starts it on a database of its own. */
export async function startSmartHarness(): Promise<SmartHarness> {
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
  const testDatabase = await cloneDatabase()
  const url = testDatabase.urlFor('moments')
  let now = Date.now()
  const service = await start({
    // No account is asked for: a right makes its user known.
    env: { NODE_ENV: 'test', DATABASE_URL: url, GATEWAY_PRIVATE_URL: 'http://127.0.0.1:1', SHUTDOWN_GRACE_MS: '2000' },
    log,
    clock: () => new Date(now),
    onFatal: (error) => log.error('fatal', { error }),
  })
  const database = openDatabase<MomentsTables>({ url, applicationName: 'test', log, poolSize: 4 })
  const { db } = database
  return {
    database,
    now: () => new Date(now),
    advance: (minutes) => {
      now += minutes * 60_000
    },
    user: async () => {
      const caller = new ServiceCaller(service.url, DEVELOPMENT_SECRET, {}, { now: () => now })
      const robotId = randomUUID()
      const at = new Date(now)
      await db.insertInto('robot').values({ id: robotId, created_at: at, updated_at: at }).execute()
      await db
        .insertInto('access')
        .values({ robot_id: robotId, user_id: caller.id, right: 'owner', granted_at: at })
        .execute()
      return { caller, robotId }
    },
    moments: async (robotId, count, type = 'photo') => {
      const rows = Array.from({ length: count }, (_, n) => {
        const id = randomUUID()
        const capturedAt = new Date(now - n * 600_000)
        return {
          ...{ id, robot_id: robotId, source_id: id, type, captured_at: capturedAt, time_zone: 'UTC' },
          ...{ local_at: capturedAt.toISOString().slice(0, 23).replace('T', ' ') },
          ...{ created_at: new Date(now), updated_at: new Date(now) },
        }
      })
      await db.insertInto('moment').values(rows).execute()
      return rows.map(({ id }) => id)
    },
    first: async (caller, query = '') => {
      const { status, body } = await caller.get<SmartFeedPage>(`/moments/smart?limit=100${query}`)
      if (status !== 200) throw new Error(`The first page answers ${status}.`)
      return body
    },
    stop: async () => {
      await service.stop()
      await database.close()
      await testDatabase.drop()
    },
  }
}
