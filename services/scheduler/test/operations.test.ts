import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { SchedulerTables } from '../src/db/schema.ts'
import { keepPartitions } from '../src/engine/partitions.ts'
import { type Account, type Scheduler, type Success, startScheduler } from './harness.ts'
import { startTarget, status, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler({
    env: {
      HOST_CONCURRENCY: '2',
      ACCOUNT_CONCURRENCY: '8',
      CLAIM_BATCH: '10',
      LEASE_MS: '3000',
      REQUEST_TIMEOUT_MS: '20000',
    },
  })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const at = () => scheduler.time.date().toISOString()
const metrics = async () => (await fetch(`${scheduler.url}/metrics`)).text()

describe('A slow target', () => {
  it('gets no more at a time than its share, and starves nobody', async () => {
    const other = await startTarget()
    const waiting: (() => void)[] = []
    target.answer('/slow', (res) => void waiting.push(() => res.end()))
    const jobs = Array.from({ length: 40 }, (_, i) => ({ at: at(), uri: `${target.url}/slow?${i}` }))
    // More are due before it than are looked at in one go.
    await ana.post('/jobs/batch.json', { jobs: [...jobs, { at: at(), uri: `${other.url}/last` }] })
    await eventually(() => expect(waiting).toHaveLength(2))
    await eventually(() => expect(other.at('/last')).toHaveLength(1))
    const ids = await Promise.all([1, 2, 3].map((i) => ana.schedule({ at: at(), uri: `${other.url}/fast/${i}` })))
    for (const id of ids) await eventually(async () => expect((await ana.job(id)).status).toBe('succeeded'))
    expect(waiting).toHaveLength(2)
    expect(await metrics()).toContain(`scheduler_running{host="127.0.0.1:${target.port}"} 2`)
    scheduler.time.advance(1_500)
    await eventually(async () => {
      const text = await metrics()
      for (const [state, count] of Object.entries({ due: 38, late: 38, begun: 2 })) {
        expect(text).toContain(`scheduler_queue{state="${state}"} ${count}\n`)
        expect(text).toContain(`scheduler_queue_of_host{state="${state}",host="127.0.0.1:${target.port}"} ${count}\n`)
      }
    })
    // Leases of what is under way are renewed, third by third: none is lost.
    for (let i = 0; i < 10; i++) {
      scheduler.time.advance(1_000)
      await scheduler.query('select 1')
    }
    let answered = 0
    await eventually(async () => {
      for (const answer of waiting.splice(0)) {
        answer()
        answered++
      }
      expect(answered).toBe(40)
    })
    await eventually(async () => {
      const [left] = await scheduler.query<{ count: number }>('select count(*)::int from scheduler.queue')
      expect(left?.count).toBe(0)
    })
    expect(target.at('/slow')).toHaveLength(40)
    await other.stop()
  })
})

describe('What can be seen from outside', () => {
  it('is how many requests were made, with which end, how late, and what waits', async () => {
    target.answer('/ends', status(500))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/ends`, limit: 1 })
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    scheduler.time.advance(10_000)
    await eventually(async () => expect((await ana.job(id)).status).toBe('failed'))
    const text = await metrics()
    const host = `127.0.0.1:${target.port}`
    expect(text).toContain(`scheduler_requests_total{kind="request",host="${host}",outcome="retry"} 1`)
    expect(text).toContain(`scheduler_requests_total{kind="request",host="${host}",outcome="failed"} 1`)
    expect(text).toMatch(/scheduler_lateness_seconds_bucket\{le="0.05",kind="request"\} \d+/)
    expect(text).toContain('scheduler_queue{state="late"} 0')
  })
})

describe('Attempts', () => {
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })

  it('are kept in tables by day, and forgotten with them', async () => {
    const database = openDatabase<SchedulerTables>({
      url: scheduler.database.urlFor('scheduler'),
      applicationName: 'test',
      log,
    })
    const days = async () => {
      const rows = await scheduler.query<{ name: string }>(
        "select relname as name from pg_class where relname ~ '^attempt_2030' and relkind = 'r' order by 1",
      )
      return rows.map(({ name }) => name)
    }
    await Promise.all([1, 2, 3].map(() => keepPartitions(database.db, new Date('2030-01-01T05:00:00Z'), 30)))
    const first = ['attempt_20300101', 'attempt_20300102', 'attempt_20300103', 'attempt_20300104']
    expect(await days()).toEqual(first)
    await keepPartitions(database.db, new Date('2030-02-01T05:00:00Z'), 30)
    expect(await days()).toEqual([...first.slice(1), ...['01', '02', '03', '04'].map((day) => `attempt_203002${day}`)])
    await database.close()
  })
})

describe('Jobs', () => {
  it('are listed by their status, newest first', async () => {
    const dana = await scheduler.account()
    target.answer('/never', status(500))
    const make = async (job: object) => {
      const older = await dana.schedule(job)
      scheduler.time.advance(1)
      return [await dana.schedule(job), older]
    }
    const now = at()
    const waiting = { at: '2030-01-31', uri: 'http://yourapp.com' }
    const byStatus = {
      scheduled: await make(waiting),
      paused: await make(waiting),
      canceled: await make(waiting),
      succeeded: await make({ at: now, uri: `${target.url}/fine` }),
      retrying: await make({ at: now, uri: `${target.url}/never` }),
    }
    const cancel = (id: string) => dana.post(`/jobs/${id}/cancel.json`)
    await Promise.all([
      ...byStatus.paused.map((id) => dana.post(`/jobs/${id}/pause.json`)),
      ...byStatus.canceled.map(cancel),
    ])
    for (const [name, ids] of Object.entries(byStatus)) {
      await eventually(async () => {
        const { body } = await dana.get<Success<{ jobs: string[] }>>(`/jobs.json?status=${name}`)
        expect([name, body.success.jobs]).toEqual([name, ids])
      })
    }
    await Promise.all(byStatus.retrying.map(cancel))
  })
})
