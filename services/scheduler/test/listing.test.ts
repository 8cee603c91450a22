import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Job } from '../src/jobs/shapes.ts'
import { type Account, type Scheduler, type Success, startScheduler } from './harness.ts'

const LARGEST = 100_000

let scheduler: Scheduler
beforeAll(async () => {
  scheduler = await startScheduler()
})
afterAll(async () => {
  await scheduler.stop()
})

/** Somebody with so many jobs, each with this body. */
async function withJobs(count: number, body: string): Promise<Account> {
  const account = await scheduler.account()
  for (let made = 0; made < count; made += 10) {
    const jobs = Array.from({ length: 10 }, () => ({ at: '2030-01-31', uri: 'http://yourapp.com', body }))
    expect((await account.post('/jobs/batch.json', { jobs })).status).toBe(200)
  }
  return account
}

const page = async (account: Account, query: string) =>
  (await account.get<Success<{ jobs: Job[] }>>(`/jobs.json?details=true&${query}`)).body.success.jobs

describe('A page of jobs', () => {
  it.each([
    ['plain', 'x'.repeat(LARGEST)],
    ['long characters', '🎈'.repeat(LARGEST / 2)],
  ])('is whole, but of about a megabyte: of large bodies their beginnings are shown, %s', async (_, body) => {
    const account = await withJobs(100, body)
    const jobs = await page(account, 'limit=100')
    expect(jobs).toHaveLength(100)
    expect(Buffer.byteLength(JSON.stringify(jobs))).toBeLessThan(1.2 * 1_048_576)
    for (const job of jobs) {
      expect(job).toMatchObject({ truncated: true, body: jobs[0]?.body })
      expect(body.startsWith(job.body ?? '')).toBe(true)
    }
    expect(jobs[0]?.body?.length).toBeGreaterThan(1_000)
    const whole = await account.job(String(jobs[0]?.id))
    expect(whole.body === body).toBe(true)
    expect(whole).not.toHaveProperty('truncated')
  })

  it('shows all of them where they fit', async () => {
    const account = await withJobs(10, 'x'.repeat(LARGEST))
    for (const job of await page(account, '')) {
      expect(job.body).toHaveLength(LARGEST)
      expect(job).not.toHaveProperty('truncated')
    }
    const [small] = await page(await withJobs(10, 'é'.repeat(5_000)), 'limit=100')
    expect(small?.body).toHaveLength(5_000)
  })
})
