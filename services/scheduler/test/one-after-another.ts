import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Scheduler } from './harness.ts'

/**
 * Lets several things happen to a job at the same time, in a known order: its rows are locked until each waits for them,
 * and who has waited longest goes first.
 *
 * @param steps each begins when the one before waits
 * @returns what each gave
 */
export function oneAfterAnother<T>(scheduler: Scheduler, jobId: string, steps: (() => T)[]): Promise<Awaited<T>[]> {
  return onServer(scheduler.database.adminUrl, async (client) => {
    await client.query('begin')
    await client.query('select from scheduler.queue where job_id = $1 for update', [jobId])
    await client.query('select from scheduler.job where id = $1 for update', [jobId])
    const results: T[] = []
    for (const step of steps) {
      results.push(step())
      await eventually(async () => expectWaiting(scheduler, results.length))
    }
    await client.query('commit')
    return Promise.all(results)
  })
}

async function expectWaiting(scheduler: Scheduler, count: number): Promise<void> {
  const waiting = await scheduler.query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  if (waiting.length !== count) throw new Error(`${waiting.length} of ${count} wait for the job.`)
}
