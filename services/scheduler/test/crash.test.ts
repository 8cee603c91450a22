import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import type { JobEcho } from '../src/jobs/shapes.ts'
import type { Account, Success } from './harness.ts'
import { type Replicas, startReplicas } from './replicas.ts'
import { startTarget, type Target } from './target.ts'

const JOBS = 1_000
const PER_SECOND = 200

let target: Target
beforeAll(async () => {
  target = await startTarget()
})
afterAll(() => target.stop())

/** Schedules a load that begins in a moment. @returns the ids */
async function scheduleLoad(account: Account, path: string): Promise<string[]> {
  // Slow enough that some are always under way.
  target.answer(path, (res) => void pause(100).then(() => res.end('ok')))
  const begin = Date.now() + 1_500
  const jobs = Array.from({ length: JOBS }, (_, i) => ({
    at: new Date(begin + (i * 1_000) / PER_SECOND).toISOString(),
    uri: `${target.url}${path}?${i}`,
  }))
  const answer = await account.post<Success<{ jobs: JobEcho[] }>>('/jobs/batch.json', { jobs })
  expect(answer.status).toBe(200)
  return answer.body.success.jobs.map(({ id }) => id)
}

const reached = (path: string, count: number) => eventually(() => expect(target.at(path).length).toBeGreaterThan(count))

/** Waits until every job of the load has succeeded. */
async function allDone(replicas: Replicas): Promise<void> {
  await eventually(
    async () => {
      const rows = await replicas.query('select status, count(*)::int from scheduler.job group by 1')
      expect(rows).toEqual([{ status: 'succeeded', count: JOBS }])
    },
    { everyMs: 200 },
  )
}

/** The ids that the target saw more than once. */
function repeated(path: string): Set<string> {
  const ids = target.at(path).map(({ headers }) => String(headers['webhook-id']))
  return new Set(ids.filter((id, i) => ids.indexOf(id) !== i))
}

const unknownIds = async (replicas: Replicas) => {
  const rows = await replicas.query<{ job_id: string }>(
    "select job_id from scheduler.attempt where outcome = 'unknown'",
  )
  return new Set(rows.map(({ job_id }) => `job_${job_id}_1`))
}

const SETTINGS = { LEASE_MS: '3000', LOG_LEVEL: 'error' }

describe('Under 200 jobs a second', () => {
  it('kill -9 of one of three replicas loses no job; what ran twice was under way on the dead one', async () => {
    const replicas = await startReplicas(3, SETTINGS)
    try {
      const ids = await scheduleLoad(replicas.account(), '/killed')
      await reached('/killed', 300)
      await replicas.kill(1, 'SIGKILL')
      await allDone(replicas)
      const received = target.at('/killed').map(({ headers }) => headers['webhook-id'])
      expect(new Set(received)).toEqual(new Set(ids.map((id) => `job_${id}_1`)))
      const unknown = await unknownIds(replicas)
      expect([...repeated('/killed')].filter((id) => !unknown.has(id))).toEqual([])
      expect(unknown.size).toBeLessThan(100)
    } finally {
      await replicas.stop()
    }
  })

  it('SIGTERM of one of two replicas repeats nothing', async () => {
    const replicas = await startReplicas(2, SETTINGS)
    try {
      await scheduleLoad(replicas.account(), '/stopped')
      await reached('/stopped', 300)
      await replicas.kill(1, 'SIGTERM')
      await allDone(replicas)
      expect(target.at('/stopped')).toHaveLength(JOBS)
      expect(await unknownIds(replicas)).toEqual(new Set())
    } finally {
      await replicas.stop()
    }
  })

  it('a restart of PostgreSQL loses no job', async () => {
    const replicas = await startReplicas(2, SETTINGS)
    try {
      const ids = await scheduleLoad(replicas.account(), '/restarted')
      await reached('/restarted', 300)
      await replicas.restartDatabase()
      await allDone(replicas)
      const received = target.at('/restarted').map(({ headers }) => headers['webhook-id'])
      expect(new Set(received)).toEqual(new Set(ids.map((id) => `job_${id}_1`)))
      const unknown = await unknownIds(replicas)
      expect([...repeated('/restarted')].filter((id) => !unknown.has(id))).toEqual([])
    } finally {
      await replicas.stop()
    }
  })
})
