import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import type { JobEcho, Preview } from '../src/jobs/shapes.ts'
import { type Account, type OneJob, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler({ env: { MAX_ACTIVE_JOBS: '50' } })
  ana = await scheduler.account({ timezone: 'Europe/Berlin' })
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const URI = 'http://yourapp.com/'
const AT = '2030-01-31T18:36:21'
const MISSING_AT = 'Missing parameter.  Make sure you include a date to run the job.'
const PAST = 'Invalid parameter.  Date cannot be in the past.'
const MISSING_URI = 'Missing parameter.  Make sure you include a URI for the job to request.'
const PORT = 'Invalid parameter.  Make sure you include a valid HTTP port (i.e. 80).'
const SCHEME = 'Invalid parameter.  Make sure you include a valid HTTP scheme (i.e. http:// or https://).'
const HOST = 'Invalid parameter.  Make sure you include a valid HTTP host (i.e. www.yourapp.com).'
const INNER = 'Invalid parameter.  Make sure you include a public HTTP host (i.e. www.yourapp.com).'
const NO_BODY = 'Invalid parameter.  A GET or HEAD request has no body.'
const METHOD = 'Invalid parameter.  GET, POST, PUT, PATCH, DELETE, HEAD'

describe('What is wrong with a job', () => {
  it.each<[string, object, Record<string, string>]>([
    ['nothing is there', {}, { at: MISSING_AT, uri: MISSING_URI }],
    [
      'everything is wrong',
      { at: '2011-01-31T18:36:21', uri: 'x', method: 'y' },
      { at: PAST, uri: PORT, method: METHOD },
    ],
    ['no time', { uri: URI }, { at: MISSING_AT }],
    ['an empty time', { uri: URI, at: '' }, { at: MISSING_AT }],
    ['no address', { at: AT }, { uri: MISSING_URI }],
    ['no URL', { at: AT, uri: 'yourapp.com/path' }, { uri: PORT }],
    ['a port that is none', { at: AT, uri: 'http://yourapp.com:99999/' }, { uri: PORT }],
    ['another scheme', { at: AT, uri: 'ftp://yourapp.com/' }, { uri: SCHEME }],
    ['no host', { at: AT, uri: 'http:///path' }, { uri: HOST }],
    ['no host at all', { at: AT, uri: 'http://' }, { uri: HOST }],
    ['somebody in the address', { at: AT, uri: 'http://user:secret@yourapp.com/' }, { uri: HOST }],
    ['another method', { at: AT, uri: URI, method: 'TRACE' }, { method: METHOD }],
    ['a callback that is no URL', { at: AT, uri: URI, callback_uri: 'x' }, { callback_uri: PORT }],
    [
      'a header of the connection',
      { at: AT, uri: URI, headers: { Host: 'x' } },
      { headers: 'Invalid parameter.  The header host cannot be set.' },
    ],
    [
      'a header with a line break',
      { at: AT, uri: URI, headers: { 'X-A': 'a\r\nX-B: b' } },
      { headers: 'Invalid parameter.  Make sure you include valid HTTP headers.' },
    ],
    [
      'an inner address, before the others',
      { at: '2011-01-31', uri: 'http://10.0.0.2/', method: 'y', callback_uri: 'http://10.0.0.1/', limit: 1, cron: 'x' },
      {
        at: PAST,
        uri: INNER,
        method: METHOD,
        callback_uri: INNER,
        cron: expect.any(String) as unknown as string,
      },
    ],
    ['a body of a GET', { at: AT, uri: URI, method: 'get', body: 'x' }, { body: NO_BODY }],
    ['a cron rule that is none', { uri: URI, cron: 'often' }, { cron: expect.any(String) as unknown as string }],
    [
      'a zone that is none',
      { at: AT, uri: URI, timezone: 'Mars' },
      { timezone: expect.any(String) as unknown as string },
    ],
  ])('is told at once, in order: %s', async (_, job, error) => {
    const answer = await ana.post<Refused>('/jobs.json', { job })
    expect([answer.status, answer.body]).toEqual([400, { error }])
    expect(Object.keys(answer.body.error)).toEqual(Object.keys(error))
  })

  it('is told in this order of each of many', async () => {
    const job = { at: '2011-01-31', uri: 'http://10.0.0.1/', method: 'y' }
    const { body } = await ana.post<Refused>('/jobs/batch.json', { jobs: [job, job] })
    const names = [0, 1].flatMap((i) => ['at', 'uri', 'method'].map((name) => `jobs[${i}][${name}]`))
    expect(Object.keys(body.error)).toEqual(names)
  })

  it.each([
    ['a body for a GET', { method: 'GET' }, { body: 'x' }],
    ['GET for a job with a body', { body: 'x' }, { method: 'GET' }],
    ['HEAD for a job with a body', { body: 'x' }, { method: 'HEAD', at: '2031-01-01' }],
  ])('is told of a change by what stands: %s', async (_, standing, change) => {
    const id = await ana.schedule({ at: AT, uri: URI, ...standing })
    const answer = await ana.put<Refused>(`/jobs/${id}.json`, { job: change })
    expect([answer.status, answer.body]).toEqual([400, { error: { body: NO_BODY } }])
    const both = await ana.put(`/jobs/${id}.json`, { job: { method: 'GET', body: '' } })
    expect(both.status).toBe(200)
    await ana.delete(`/jobs/${id}.json`)
  })

  it('is no address of more than 2,048 characters', async () => {
    const { body } = await ana.post<Refused>('/jobs.json', { job: { at: AT, uri: `${URI}${'x'.repeat(2_048)}` } })
    expect(Object.keys(body.error)).toEqual(['uri'])
  })

  it('is told with status 200 to accounts that want it so', async () => {
    const legacy = await scheduler.account()
    const settings = await legacy.put<Success<{ settings: object }>>('/jobs/settings.json', { legacy_status: true })
    expect(settings.body.success.settings).toMatchObject({ legacy_status: true, timezone: 'UTC' })
    const answer = await legacy.post('/jobs.json', {})
    expect([answer.status, answer.body]).toEqual([200, { error: { at: MISSING_AT, uri: MISSING_URI } }])
    expect((await legacy.get('/jobs/unknown.json')).status).toBe(200)
    expect((await ana.get('/jobs/unknown.json')).status).toBe(404)
  })
})

describe('A time', () => {
  it.each([
    ['2030-01-31T18:36:21', '2030-01-31 18:36:21 +0100'],
    ['2030-07-31 18:36:21', '2030-07-31 18:36:21 +0200'],
    ['2030-01-31T18:36:21Z', '2030-01-31 18:36:21 +0000'],
    ['2030-01-31 18:36:21 -0800', '2030-01-31 18:36:21 -0800'],
    ['2030-01-31T18:36:21 -0400', '2030-01-31 18:36:21 -0400'],
    ['2030-01-31T18:36:21+05:30', '2030-01-31 18:36:21 +0530'],
    ['2030-01-31T18:36:21.1234567+01:00', '2030-01-31 18:36:21 +0100'],
    ['2030-01-31T18:36:21.1234567Z', '2030-01-31 18:36:21 +0000'],
    ['2030-01-31T18:36:21 01:00', '2030-01-31 18:36:21 +0100'],
    ['2030-01-31', '2030-01-31 00:00:00 +0100'],
    // Skipped by the clock change: it moves on.
    ['2030-03-31T02:30:00', '2030-03-31 03:30:00 +0200'],
    // There twice: the first.
    ['2030-10-27T02:30:00', '2030-10-27 02:30:00 +0200'],
    ['2032-02-29T12:00:00', '2032-02-29 12:00:00 +0100'],
  ])('%s is shown as %s', async (at, shown) => {
    const { body } = await ana.post<OneJob>('/jobs.json', { job: { at, uri: URI } })
    expect(body.success.job.at).toBe(shown)
    await ana.delete(`/jobs/${body.success.job.id}.json`)
  })

  it.each([
    'tomorrow',
    '2030-13-01T00:00:00',
    '2031-02-29T12:00:00',
    '2030-01-31T25:00:00',
    '2030-01-31T18:36:21+99:00',
  ])('%s is none', async (at) => {
    const { body } = await ana.post<Refused>('/jobs.json', { job: { at, uri: URI } })
    expect(Object.keys(body.error)).toEqual(['at'])
  })
})

describe('An address', () => {
  it.each([
    ['http://kasko.com?', 'http://kasko.com:80/'],
    ['http://kasko.com', 'http://kasko.com:80/'],
    ['https://kasko.com/a?b=c#d', 'https://kasko.com:443/a?b=c'],
    ['HTTP://Kasko.com:8080/A b', 'http://kasko.com:8080/A%20b'],
    ['http://bücher.example/', 'http://xn--bcher-kva.example:80/'],
  ])('%s is shown as %s', async (uri, shown) => {
    const { body } = await ana.post<OneJob>('/jobs.json', { job: { at: AT, uri } })
    expect(body.success.job.uri).toBe(shown)
    await ana.delete(`/jobs/${body.success.job.id}.json`)
  })
})

describe("Another account's job", () => {
  it.each<[string, (id: string, ben: Account) => Promise<{ status: number; body: unknown }>]>([
    ['GET', (id, ben) => ben.get(`/jobs/${id}.json`)],
    ['PUT', (id, ben) => ben.put(`/jobs/${id}.json`, { job: { method: 'GET' } })],
    ['DELETE', (id, ben) => ben.delete(`/jobs/${id}.json`)],
    ['attempts', (id, ben) => ben.get(`/jobs/${id}/attempts.json`)],
    ['run', (id, ben) => ben.post(`/jobs/${id}/run.json`)],
    ['cancel', (id, ben) => ben.post(`/jobs/${id}/cancel.json`)],
    ['pause', (id, ben) => ben.post(`/jobs/${id}/pause.json`)],
    ['resume', (id, ben) => ben.post(`/jobs/${id}/resume.json`)],
  ])('is not there: %s', async (_, ask) => {
    const id = await ana.schedule({ at: AT, uri: URI })
    const answer = await ask(id, await scheduler.account())
    expect([answer.status, answer.body]).toEqual([404, { error: { id: 'Job not found.' } }])
    expect((await ana.job(id)).method).toBe('POST')
    await ana.delete(`/jobs/${id}.json`)
  })
})

describe('A key', () => {
  it('may do what its scopes say', async () => {
    const reader = await scheduler.account({ scopes: ['jobs:read'] })
    expect((await reader.get('/jobs.json')).status).toBe(200)
    expect((await reader.post('/jobs.json', { job: { at: AT, uri: URI } })).status).toBe(403)
    expect((await reader.get('/jobs/settings.json')).status).toBe(403)
  })
})

describe('Many jobs', () => {
  it('are made in one request, all or none', async () => {
    const carl = await scheduler.account()
    const jobs = Array.from({ length: 20 }, (_, i) => ({ at: AT, uri: `${URI}${i}` }))
    const made = await carl.post<Success<{ jobs: JobEcho[] }>>('/jobs/batch.json', { jobs })
    expect(made.body.success.jobs.map(({ uri }) => uri)).toEqual(jobs.map(({ uri }) => uri.replace('.com', '.com:80')))
    const refused = await carl.post<Refused>('/jobs/batch.json', { jobs: [...jobs, { at: 'x', uri: URI }] })
    expect([refused.status, Object.keys(refused.body.error)]).toEqual([400, ['jobs[20][at]']])
    const tooMany = await carl.post<Refused>('/jobs/batch.json', { jobs: Array.from({ length: 1_001 }, () => jobs[0]) })
    expect([tooMany.status, Object.keys(tooMany.body.error)]).toEqual([400, ['jobs']])
    const listed = await carl.get<Success<{ jobs: string[] }>>('/jobs.json')
    expect(listed.body.success.jobs.sort()).toEqual(made.body.success.jobs.map(({ id }) => id).sort())
    const page = await carl.get<Success<{ jobs: object[] }>>('/jobs.json?details=true&status=&page=1&limit=15')
    expect(page.body.success.jobs).toHaveLength(5)
    expect(page.body.success.jobs[0]).toMatchObject({ status: 'scheduled', limit: 0 })
  })

  it('are refused beyond the quota, until some have finished', async () => {
    const dora = await scheduler.account()
    const jobs = Array.from({ length: 50 }, () => ({ at: AT, uri: URI }))
    const { body } = await dora.post<Success<{ jobs: JobEcho[] }>>('/jobs/batch.json', { jobs })
    const refused = await dora.post<Refused>('/jobs.json', { job: { at: AT, uri: URI } })
    expect([refused.status, refused.body.error.job]).toEqual([429, expect.stringContaining('50 jobs')])
    await dora.delete(`/jobs/${body.success.jobs[0]?.id}.json`)
    const now = scheduler.time.date().toISOString()
    const id = await dora.schedule({ at: now, uri: `${target.url}/quota` })
    await eventually(async () => expect((await dora.job(id)).status).toBe('succeeded'))
    await dora.schedule({ at: AT, uri: URI })
  })
})

describe('A preview', () => {
  it('shows the request, the instant, the retries and the verdict, and makes nothing', async () => {
    const finn = await scheduler.account()
    const job = {
      at: '2030-01-31T12:00:00Z',
      uri: 'http://127.0.0.1:81/x',
      method: 'put',
      body: 'b',
      limit: 2,
      headers: { Secret: 's' },
    }
    const { body } = await finn.post<Success<{ preview: Preview }>>('/jobs/preview.json', { job })
    expect(body.success.preview).toMatchObject({
      request: { method: 'PUT', uri: 'http://127.0.0.1:81/x', body: 'b', headers: { Secret: '[redacted]' } },
      instant: '2030-01-31T12:00:00.000Z',
      retries: ['2030-01-31T12:00:10.000Z', '2030-01-31T12:02:00.000Z'],
      target: { host: '127.0.0.1:81', allowed: true },
    })
    expect((await finn.get('/jobs.json')).body).toEqual({ success: { jobs: [] } })
  })
})
