import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'
import { type MadeUpCaller, ServiceCaller } from '@platform/testing/service-client.ts'
import type { Attempt, Job } from '../src/jobs/shapes.ts'
import { type SchedulerParts, start } from '../src/service.ts'
import { ManualTime } from './manual-time.ts'

/** An answer of the API. */
export interface Success<T> {
  success: T
}
export interface Refused {
  error: Record<string, string>
}
export type OneJob = Success<{ job: Job }>

export const START = '2026-02-02T12:00:00.000Z'

/** The service alone, on a database of its own, with time in the test's hands. It may reach the loopback interface. */
export async function startScheduler({ env = {}, ...parts }: { env?: Record<string, string> } & SchedulerParts = {}) {
  const database = await cloneDatabase()
  const time = new ManualTime(START)
  const level = process.env.TEST_LOG === '1' ? 'debug' : 'silent'
  const service = await start({
    env: {
      NODE_ENV: 'test',
      DATABASE_URL: database.urlFor('scheduler'),
      SHUTDOWN_GRACE_MS: '2000',
      ALLOWED_INNER_TARGETS: '127.0.0.0/8',
      REQUEST_TIMEOUT_MS: '2000',
      ...env,
    },
    log: createLogger({ service: 'test', level, format: 'pretty' }),
    onFatal: (error) => {
      throw error
    },
    time,
    random: () => 0,
    ...parts,
  })
  return {
    url: service.url,
    database,
    time,
    /** Somebody with an account; without a time zone it has never been heard of. */
    async account(options: MadeUpCaller & { timezone?: string } = {}) {
      const caller = new Account(service.url, DEVELOPMENT_SECRET, options)
      const { timezone } = options
      if (timezone) {
        await onServer(database.adminUrl, (client) =>
          client.query('insert into scheduler.account (id, timezone, version) values ($1, $2, 1)', [
            caller.id,
            timezone,
          ]),
        )
      }
      return caller
    },
    query: <T extends object>(text: string, values: unknown[] = []) =>
      onServer(database.adminUrl, async (client) => (await client.query<T>(text, values)).rows),
    async stop() {
      await service.stop()
      await database.drop()
    },
  }
}

export type Scheduler = Awaited<ReturnType<typeof startScheduler>>

/** Somebody who schedules requests. */
export class Account extends ServiceCaller {
  /** Creates a job and gives its id. */
  async schedule(job: object): Promise<string> {
    const { status, body } = await this.post<OneJob>('/jobs.json', { job })
    if (status !== 200) throw new Error(JSON.stringify(body))
    return body.success.job.id
  }

  async job(id: string): Promise<Job> {
    return (await this.get<OneJob>(`/jobs/${id}.json`)).body.success.job
  }

  /** The newest ten, or another page of them; oldest first. */
  async attempts(id: string, query = ''): Promise<Attempt[]> {
    const { body } = await this.get<Success<{ attempts: Attempt[] }>>(`/jobs/${id}/attempts.json${query}`)
    return body.success.attempts.reverse()
  }
}
