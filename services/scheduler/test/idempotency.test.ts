import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Account, type OneJob, type Refused, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let emil: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
})
beforeEach(async () => {
  emil = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const URI = 'http://yourapp.com/'
const AT = '2030-01-31T18:36:21'
const headers = { 'idempotency-key': 'once' }
const soon = () => new Date(scheduler.time.now() + 2_000).toISOString()

describe('An Idempotency-Key gives the first answer again', () => {
  it.each<[string, (id: string) => [path: string, body: object]]>([
    ['of a job', () => ['/jobs.json', { job: { at: soon(), uri: `${target.url}/once` } }]],
    ['of many', () => ['/jobs/batch.json', { jobs: [{ at: soon(), uri: `${target.url}/once` }] }]],
    ['of a change', (id) => [`/jobs/${id}.json`, { _method: 'PUT', job: { at: soon() } }]],
  ])('%s, also when its time has passed meanwhile', async (_, request) => {
    const [path, body] = request(await emil.schedule({ at: soon(), uri: `${target.url}/once` }))
    const first = await emil.post(path, body, headers)
    expect(first.status).toBe(200)
    scheduler.time.advance(4_000)
    const again = await emil.post(path, body, headers)
    expect([again.status, again.body, again.headers.etag]).toEqual([200, first.body, first.headers.etag])
    const other = await emil.post(path, { ...body, another: true }, headers)
    expect(other.status).toBe(409)
    const afresh = await emil.post<Refused>(path, body, { 'idempotency-key': 'another' })
    expect(afresh.status).toBe(400)
  })

  it('of a change whose job has been deleted since', async () => {
    const path = `/jobs/${await emil.schedule({ at: AT, uri: URI })}.json`
    const first = await emil.put(path, { job: { method: 'PUT' } }, headers)
    await emil.delete(path)
    const again = await emil.put(path, { job: { method: 'PUT' } }, headers)
    expect([again.status, again.body]).toEqual([200, first.body])
    expect((await emil.put(path, { job: { method: 'GET' } }, headers)).status).toBe(409)
  })

  it('but a refusal is none: what was wrong may be right the next time', async () => {
    const refused = await emil.post('/jobs.json', { job: { at: '2011-01-31T18:36:21', uri: URI } }, headers)
    const { status } = await emil.post('/jobs.json', { job: { at: AT, uri: URI } }, headers)
    expect([refused.status, status]).toEqual([400, 200])
  })

  it('to all who ask at the same time', async () => {
    const job = { at: AT, uri: URI }
    const answers = await Promise.all([1, 2, 3].map(() => emil.post<OneJob>('/jobs.json', { job }, headers)))
    expect(new Set(answers.map(({ body }) => body.success.job.id)).size).toBe(1)
    expect((await emil.post('/jobs.json', { job: { ...job, method: 'GET' } }, headers)).status).toBe(409)
  })
})
