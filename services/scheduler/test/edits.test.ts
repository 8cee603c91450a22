import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Account, type Refused, type Scheduler, startScheduler } from './harness.ts'
import { oneAfterAnother } from './one-after-another.ts'

let scheduler: Scheduler
let ana: Account
beforeAll(async () => {
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
})

const JOB = { at: '2030-01-31T12:00:00Z', uri: 'http://yourapp.com/' }
const RULE = '30 9 * * *'
const NO_BODY = 'Invalid parameter.  A GET or HEAD request has no body.'

/** Both are read by what stands before either; then the first one is done, and the second. */
async function editAtOnce(job: object, first: object, second: object, ifMatch = false) {
  const id = await ana.schedule(job)
  const tag = String((await ana.get(`/jobs/${id}.json`)).headers.etag)
  const edit = (change: object) => () =>
    ana.put<Refused>(`/jobs/${id}.json`, { job: change }, ifMatch ? { 'if-match': tag } : {})
  const [one, other] = await oneAfterAnother(scheduler, id, [edit(first), edit(second)])
  expect(one?.status).toBe(200)
  return { other, job: await ana.job(id) }
}

describe('Of two edits at the same time', () => {
  it.each([
    ['a body, then GET', { body: 'x' }, { method: 'GET' }],
    ['GET, then a body', { method: 'GET' }, { body: 'x' }],
  ])('the second is checked by what the first has left: %s', async (_, first, second) => {
    const { other, job } = await editAtOnce(JOB, first, second)
    expect([other?.status, other?.body]).toEqual([400, { error: { body: NO_BODY } }])
    expect(job).toMatchObject({ method: 'POST', ...first })
  })

  it.each([
    ['a time, where a rule has come', JOB, { cron: RULE }, { at: JOB.at }, '2030-02-01 09:30:00 +0000'],
    [
      'a time, where a rule has gone',
      { cron: RULE },
      { cron: '', at: JOB.at },
      { at: JOB.at },
      '2030-01-31 12:00:00 +0000',
    ],
    ['a rule, in another zone', JOB, { timezone: 'Asia/Tokyo' }, { cron: RULE }, '2026-02-03 09:30:00 +0900'],
  ])('the second is understood by what the first has left: %s', async (_, standing, first, second, at) => {
    const { other, job } = await editAtOnce({ ...standing, uri: JOB.uri }, first, second)
    expect(other?.status).toBe(200)
    expect(job.at).toBe(at)
  })

  it('the second is told that the job is another one, whatever else is wrong with it by now', async () => {
    const { other } = await editAtOnce(JOB, { body: 'x' }, { method: 'GET' }, true)
    expect(other?.status).toBe(409)
  })
})
