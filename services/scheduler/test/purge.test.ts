import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { SchedulerTables } from '../src/db/schema.ts'
import { startUpkeep } from '../src/engine/upkeep.ts'
import { type Account, type Scheduler, startScheduler } from './harness.ts'
import { ManualTime } from './manual-time.ts'
import { startTarget, status, type Target } from './target.ts'

const DAY_MS = 86_400_000
const DAYS = 90

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const now = () => scheduler.time.date().toISOString()
const ends = (id: string, expected: string) => eventually(async () => expect((await ana.job(id)).status).toBe(expected))

/** Sees to the tables once, so many ms later. */
async function upkeep(laterMs: number): Promise<void> {
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
  const url = scheduler.database.urlFor('scheduler')
  const database = openDatabase<SchedulerTables>({ url, applicationName: 'test', log })
  await new Promise<void>((onReady) => {
    const running = startUpkeep({
      db: database.db,
      time: new ManualTime(new Date(scheduler.time.now() + laterMs).toISOString()),
      log,
      attemptRetentionDays: 10 * DAYS,
      jobRetentionDays: DAYS,
      adjust: async () => {},
      onReady: () => setImmediate(() => void running.stop().then(onReady)),
    })
  })
  await database.close()
}

const rowsOf = async (ids: string[]) => {
  const [row] = await scheduler.query<{ jobs: string[]; hanging: number }>(
    `select array(select id from scheduler.job where id = any ($1)) as jobs,
       (select count(*)::int from scheduler.attempt where job_id = any ($1))
         + (select count(*)::int from scheduler.callback where job_id = any ($1)) as hanging`,
    [ids],
  )
  return row
}

describe('A job that has finished', () => {
  it('is kept for its time, also when it has failed, and then forgotten with all that hangs on it', async () => {
    target.answer('/down', status(500))
    const [fine, failed, canceled, deleted] = [
      await ana.schedule({ at: now(), uri: `${target.url}/fine`, callback_uri: `${target.url}/told` }),
      await ana.schedule({ at: now(), uri: `${target.url}/down`, limit: 1 }),
      await ana.schedule({ at: '2030-01-31', uri: 'http://yourapp.com' }),
      await ana.schedule({ at: '2030-01-31', uri: 'http://yourapp.com' }),
    ]
    const waiting = await ana.schedule({ at: '2030-01-31', uri: 'http://yourapp.com' })
    const paused = await ana.schedule({ at: '2030-01-31', uri: 'http://yourapp.com' })
    await ana.post(`/jobs/${paused}/pause.json`)
    await ana.post(`/jobs/${canceled}/cancel.json`)
    await ana.delete(`/jobs/${deleted}.json`)
    await ends(failed, 'retrying')
    scheduler.time.advance(10_000)
    await ends(failed, 'failed')
    await ends(fine, 'succeeded')
    await eventually(async () => expect(await ana.attempts(fine)).toHaveLength(2))
    // Its callback has not got through yet, so it is not over.
    target.answer('/deaf', status(500))
    const calling = await ana.schedule({
      at: now(),
      uri: `${target.url}/fine`,
      callback_uri: `${target.url}/deaf`,
    })
    await eventually(async () => expect(await ana.attempts(calling)).toHaveLength(2))
    const over = [fine, failed, canceled, deleted]

    await upkeep(DAYS * DAY_MS - 60_000)
    expect((await rowsOf(over))?.jobs).toHaveLength(4)
    expect((await ana.job(failed)).status).toBe('failed')

    await upkeep(DAYS * DAY_MS + 60_000)
    expect(await rowsOf(over)).toEqual({ jobs: [], hanging: 0 })
    expect((await ana.get(`/jobs/${failed}.json`)).status).toBe(404)
    expect((await rowsOf([waiting, paused, calling]))?.jobs).toHaveLength(3)
  })

  it('is one of as many as there are', async () => {
    await scheduler.query(
      `insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, status, created_at, updated_at,
         finished_at)
       select 'old' || n, $1, 'http://yourapp.com:80/', 'POST', $2, 0, 'succeeded', $2, $2, $2
       from generate_series(1, 1200) n`,
      [ana.id, new Date(scheduler.time.now() - DAYS * DAY_MS - 1)],
    )
    await upkeep(0)
    const [left] = await scheduler.query("select id from scheduler.job where id like 'old%'")
    expect(left).toBeUndefined()
  })
})
