import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { SchedulerTables } from '../src/db/schema.ts'
import { begin, claim, handBack, type Room, renew } from '../src/engine/claims.ts'
import { recordEnds } from '../src/engine/record-ends.ts'
import type { Task } from '../src/engine/task.ts'
import { type OneJob, type Scheduler, type Success, startScheduler } from './harness.ts'

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

const due = new Date(DUE)

describe('A claim', () => {
  const soon = new Date(due.getTime() + 1_000)
  const [HERE, THERE] = ['here.example.com:80', 'there.example.com:80'] as const
  const claimWith = async (room: Partial<Room>, ahead: number) => {
    const { tasks, lookedAt } = await claim(database.db, {
      ...{ holder: randomUUID(), now: due, until: soon, leaseUntil: LEASE, limit: 1_000 },
      ...{ room: { ...ROOM, ...room }, aheadPerHost: ahead, aheadPerAccount: 1_000 },
    })
    await scheduler.query('update scheduler.queue set holder = null, begun_at = null, first_at = null, attempts = 0')
    const count = (host: string, isBegun: boolean) =>
      tasks.filter((task) => task.host === host && task.isBegun === isBegun).length
    return {
      lookedAt,
      begun: tasks.filter(({ isBegun }) => isBegun).length,
      here: [count(HERE, true), count(HERE, false)],
      there: [count(THERE, true), count(THERE, false)],
    }
  }

  it('begins what is due and has room, and takes ahead what is not due yet', async () => {
    const [ana, ben] = [await scheduler.account(), await scheduler.account()]
    for (const account of [ana, ben]) {
      const at = (instant: Date, host: string) =>
        Array.from({ length: 5 }, () => ({ at: instant.toISOString(), uri: `http://${host}/` }))
      const jobs = [...at(due, HERE), ...at(due, THERE), ...at(soon, HERE)]
      expect((await account.post('/jobs/batch.json', { jobs })).status).toBe(200)
    }
    expect(await claimWith({}, 1_000)).toMatchObject({ lookedAt: 30, here: [10, 10], there: [10, 0] })
    // No room for a target: those that are due are not even looked at, and of the others so many are taken.
    const noneHere = new Map([[HERE, 0]])
    expect(await claimWith({ byHost: noneHere }, 4)).toMatchObject({ lookedAt: 20, here: [0, 4], there: [10, 0] })
    const manyWait = new Map([[HERE, -4]])
    expect(await claimWith({ byHost: manyWait }, 4)).toMatchObject({ lookedAt: 10, here: [0, 0], there: [10, 0] })
    expect(await claimWith({ perHost: 3 }, 0)).toMatchObject({ lookedAt: 30, here: [3, 0], there: [3, 0] })
    const noneOfAna = new Map([[ana.id, 0]])
    expect(await claimWith({ byAccount: noneOfAna, perAccount: 7 }, 0)).toMatchObject({ lookedAt: 20, begun: 7 })
    for (const account of [ana, ben]) {
      const { body } = await account.get<Success<{ jobs: string[] }>>('/jobs.json')
      for (const id of body.success.jobs) await account.post(`/jobs/${id}/cancel.json`)
    }
  })

  it('takes what was acknowledged before it, also while it is being made', async () => {
    const ana = await scheduler.account()
    for (let round = 0; round < 40; round++) {
      const jobs = Array.from({ length: 40 }, () => ({ at: DUE, uri: 'http://127.0.0.1:9/old' }))
      const { body } = await ana.post<Success<{ jobs: { id: string }[] }>>('/jobs/batch.json', { jobs })
      const ids = body.success.jobs.map(({ id }) => id)
      const options = { holder: randomUUID(), now: due, until: due, leaseUntil: LEASE, ...PLENTY }
      const tasks: Task[] = []
      const claiming = async () => {
        // At another moment of the edits each time.
        await sleep(round)
        while (tasks.length < ids.length) tasks.push(...(await claim(database.db, options)).tasks)
      }
      const edit = async (id: string) => {
        const { status } = await ana.put(`/jobs/${id}.json`, { job: { uri: 'http://127.0.0.1:9/new' } })
        return status === 200 ? [id] : []
      }
      const [acknowledged] = await Promise.all([Promise.all(ids.map(edit)), claiming()])
      const isNew = new Set(acknowledged.flat())
      const wrong = tasks.filter(({ jobId, uri }) => uri.endsWith('/new') !== isNew.has(jobId))
      expect(wrong).toEqual([])
      await scheduler.query('delete from scheduler.queue where job_id = any ($1)', [ids])
    }
  })

  it('that is handed back has begun nothing', async () => {
    const { holder, tasks } = await claimed(3)
    expect(tasks.every(({ isBegun, attempts }) => isBegun && attempts === 1)).toBe(true)
    await handBack(database.db, { holder, tasks }, due)
    const rows = await scheduler.query(
      'select holder, begun_at, first_at, attempts from scheduler.queue where id = any ($1)',
      [tasks.map(({ id }) => id)],
    )
    expect(rows).toEqual(Array(3).fill({ holder: null, begun_at: null, first_at: null, attempts: 0 }))
    await scheduler.query('delete from scheduler.queue where id = any ($1)', [tasks.map(({ id }) => id)])
  })
})

describe('What was canceled after it had begun, and is handed back', () => {
  it('has ended: nothing of it was sent, and nothing will be', async () => {
    const { holder, tasks } = await claimed(3)
    const [first, second] = tasks
    const ana = await scheduler.account({ id: first?.accountId })
    for (const task of [first, second]) {
      const { body } = await ana.post<OneJob>(`/jobs/${task?.jobId}/cancel.json`)
      expect(body.success.job.status).toBe('running')
    }
    await handBack(database.db, { holder, tasks }, due)
    const jobs = await Promise.all(tasks.map(({ jobId }) => ana.job(jobId)))
    expect(jobs.map(({ status, finished_at }) => [status, finished_at])).toEqual([
      ['canceled', DUE],
      ['canceled', DUE],
      ['scheduled', undefined],
    ])
    const again = { holder: randomUUID(), now: due, until: due, leaseUntil: LEASE, ...PLENTY }
    const { tasks: left } = await claim(database.db, again)
    expect(left.map(({ jobId }) => jobId)).toEqual([tasks[2]?.jobId])
    const [settings] = await scheduler.query(
      'select active_jobs from scheduler.account_setting where account_id = $1',
      [ana.id],
    )
    expect(settings).toEqual({ active_jobs: 1 })
    await scheduler.query('delete from scheduler.queue where id = $1', [tasks[2]?.id])
  })
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
    // One without an end, as it may be left by whoever knows nothing of leases, keeps nobody out.
    const [orphan] = tasks
    await scheduler.query('update scheduler.queue set lease_until = null where id = $1', [orphan?.id])
    expect((await claimAt(new Date(LEASE.getTime() - 1))).tasks.map(({ id }) => id)).toEqual([orphan?.id])
    await scheduler.query('update scheduler.queue set lease_until = $2 where id = $1', [orphan?.id, LEASE])
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
