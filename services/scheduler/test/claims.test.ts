import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { SchedulerTables } from '../src/db/schema.ts'
import { begin, claim, renew } from '../src/engine/claims.ts'
import { recordEnds } from '../src/engine/record-ends.ts'
import type { Task } from '../src/engine/task.ts'
import { type Scheduler, startScheduler } from './harness.ts'

const DUE = '2030-01-31T12:00:00.000Z'
const LEASE = new Date('2030-01-31T12:01:00.000Z')

const ROOM = { total: 1_000, perHost: 1_000, perAccount: 1_000, byHost: new Map(), byAccount: new Map() }
const PLENTY = { limit: 1_000, room: ROOM, aheadPerHost: 1_000, aheadPerAccount: 1_000 }

let scheduler: Scheduler
let database: Database<SchedulerTables>
beforeAll(async () => {
  scheduler = await startScheduler()
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
  database = openDatabase<SchedulerTables>({
    url: scheduler.database.urlFor('scheduler'),
    applicationName: 'test',
    log,
  })
})
afterAll(async () => {
  await database.close()
  await scheduler.stop()
})

/** Jobs that this test's own engine has claimed. */
async function claimed(count: number): Promise<{ holder: string; tasks: Task[] }> {
  const ana = await scheduler.account()
  const jobs = Array.from({ length: count }, () => ({ at: DUE, uri: 'http://yourapp.com' }))
  const { status } = await ana.post('/jobs/batch.json', { jobs })
  expect(status).toBe(200)
  const holder = randomUUID()
  const now = new Date(DUE)
  const { tasks } = await claim(database.db, { holder, now, until: now, leaseUntil: LEASE, ...PLENTY })
  expect(tasks).toHaveLength(count)
  return { holder, tasks }
}

const outcome = (task: Task) => ({
  task: { ...task, attempts: 1 },
  sent: {
    sentAt: new Date(DUE),
    firstByteAt: new Date(DUE),
    endedAt: new Date(DUE),
    address: '192.0.2.1',
    result: { kind: 'answer', statusCode: 200, headers: {}, body: Buffer.from('ok'), isTruncated: false } as const,
  },
  verdict: { kind: 'succeeded' } as const,
})

describe('A lease', () => {
  it('is its holder’s until it has ended, also for those who look ahead', async () => {
    const { tasks } = await claimed(3)
    const claimAt = (now: Date) =>
      claim(database.db, {
        holder: randomUUID(),
        now,
        until: new Date(now.getTime() + 2_000),
        leaseUntil: new Date(LEASE.getTime() + 60_000),
        ...PLENTY,
      })
    expect((await claimAt(new Date(LEASE.getTime() - 1))).tasks).toEqual([])
    const { tasks: taken } = await claimAt(LEASE)
    expect(taken.map(({ id }) => id).sort()).toEqual(tasks.map(({ id }) => id).sort())
  })
})

describe('What an engine writes of many rows', () => {
  it('can be under way at the same time, in any order: nothing waits for each other', async () => {
    const { holder, tasks } = await claimed(400)
    const backwards = tasks.toReversed()
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        renew(database.db, { holder, tasks }, LEASE),
        begin(database.db, { holder, tasks: backwards }, new Date(DUE)),
        renew(database.db, { holder, tasks: backwards }, LEASE),
        begin(database.db, { holder, tasks }, new Date(DUE)),
      ])
    }
    const [half, otherHalf] = [tasks.slice(0, 250), backwards.slice(0, 250)]
    const [first, second] = await Promise.all([
      recordEnds(database.db, holder, half.map(outcome), new Date(DUE)),
      recordEnds(database.db, holder, otherHalf.map(outcome), new Date(DUE)),
      renew(database.db, { holder, tasks }, LEASE),
    ])
    // Those in both are written once.
    expect(first.size + second.size).toBe(400)
    const ids = tasks.map(({ jobId }) => jobId)
    const [count] = await scheduler.query(
      `select (select count(*)::int from scheduler.attempt where job_id = any ($1)) as attempts,
         (select count(*)::int from scheduler.job where id = any ($1) and status = 'succeeded') as succeeded,
         (select count(*)::int from scheduler.queue where job_id = any ($1)) as queued,
         (select active_jobs from scheduler.account_setting where account_id = $2) as active`,
      [ids, tasks[0]?.accountId],
    )
    expect(count).toEqual({ attempts: 400, succeeded: 400, queued: 0, active: 0 })
  })

  it('is nothing of rows that somebody else has by now', async () => {
    const { tasks } = await claimed(3)
    expect(await recordEnds(database.db, randomUUID(), tasks.map(outcome), new Date(DUE))).toEqual(new Set())
    const [row] = await scheduler.query('select status from scheduler.job where id = $1', [tasks[0]?.jobId])
    expect(row).toEqual({ status: 'scheduled' })
  })
})
