import { randomUUID } from 'node:crypto'
import { type ClientRequest, request as startRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Client } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { JobEcho } from '../src/jobs/shapes.ts'
import type { Refused, Success } from './harness.ts'
import { startTarget, type Target } from './target.ts'

let platform: Platform
let target: Target
let apiKey: string
let client: Client
beforeAll(async () => {
  target = await startTarget()
  platform = await startPlatform({ services: ['scheduler'], env: { ALLOWED_INNER_TARGETS: '127.0.0.0/8' } })
  const account = { email: `${randomUUID()}@example.com`, password: 'correct horse', timezone: 'America/Los_Angeles' }
  const { body } = await platform.nobody.post<{ apiKey: string }>('/accounts', account)
  apiKey = body.apiKey
  client = new Client(platform.url)
  await eventually(async () => {
    const settings = await client.get<Success<{ settings: { timezone: string } }>>(
      `/jobs/settings.json?apikey=${apiKey}`,
    )
    expect(settings.body.success.settings.timezone).toBe('America/Los_Angeles')
  })
})
afterAll(async () => {
  await platform.stop()
  await target.stop()
})

type Echo = Success<{ job: JobEcho }>
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }
const JOB = 'job[at]=2030-01-31T18:36:21&job[method]=POST&job[uri]=http://yourapp.com/?var1=true%26var2=false'
const expected = {
  id: expect.any(String),
  uri: 'http://yourapp.com:80/?var1=true&var2=false',
  method: 'POST',
  at: '2030-01-31 18:36:21 -0800',
}

describe('An API key', () => {
  it.each<[string, () => [string, string | undefined, Record<string, string>]]>([
    ['in the query', () => [`/jobs.json?${JOB}&apikey=${apiKey}`, '', FORM]],
    ['in a header', () => [`/jobs.json?${JOB}`, undefined, { 'x-api-key': apiKey }]],
    ['in a form', () => ['/jobs.json', `${JOB}&apikey=${apiKey}`, FORM]],
    [
      'in JSON with single quotes',
      () => [
        '/jobs.json',
        `{ 'job':{ 'uri':'http://yourapp.com/?var1=true&var2=false',\n'at':'2030-01-31T18:36:21', 'method':'POST' }, 'apikey':'${apiKey}' }`,
        JSON_TYPE,
      ],
    ],
    [
      'in JSON, spelled with escapes',
      () => [
        '/jobs.json',
        `{"job":{"uri":"http://yourapp.com/?var1=true&var2=false","at":"2030-01-31T18:36:21"},"\\u0061pikey":"${apiKey}"}`,
        JSON_TYPE,
      ],
    ],
  ])('is taken %s', async (_, request) => {
    const [path, body, headers] = request()
    const answer = await client.send<Echo>('POST', path, body, headers)
    expect([answer.status, answer.body]).toEqual([200, { success: { job: expected } }])
  })

  it('is not passed on: nothing that the scheduler keeps has it', async () => {
    const body = { job: { uri: 'http://yourapp.com', at: '2030-01-31T18:36:21' }, apikey: apiKey }
    await client.post('/jobs.json', body, { 'idempotency-key': 'kept' })
    const dump = await onServer(platform.database.adminUrl, async (server) => {
      const { rows } = await server.query('select * from scheduler.job')
      const keys = await server.query('select * from scheduler.idempotency_key')
      return JSON.stringify([rows, keys.rows])
    })
    expect(dump).toContain('yourapp.com')
    expect(dump).not.toContain(apiKey.slice(-20))
  })

  it.each<[string, () => [string, string | undefined, Record<string, string>]]>([
    ['is missing', () => [`/jobs.json?${JOB}`, '', FORM]],
    ['is wrong', () => ['/jobs.json', `${JOB}&apikey=pk_wrong`, FORM]],
    ['is there twice', () => [`/jobs.json?apikey=${apiKey}`, `${JOB}&apikey=${apiKey}`, FORM]],
    ['is under another name', () => ['/jobs.json', `${JOB}&ApiKey=${apiKey}`, FORM]],
  ])('that %s is told of in the form of this API', async (_, request) => {
    const [path, body, headers] = request()
    const answer = await client.send<Refused>('POST', path, body, headers)
    expect([answer.status, Object.keys(answer.body.error)]).toEqual([401, ['apikey']])
  })
})

describe('Through the gateway', () => {
  it('a job is created, sent at its moment and listed; others do not see it', async () => {
    const ana = platform.person()
    const at = new Date(Date.now() + 1_500).toISOString()
    const { body } = await ana.post<Echo>('/jobs.json', { job: { at, uri: `${target.url}/through` } })
    const { id } = body.success.job
    await eventually(async () => {
      const answer = await ana.get<Success<{ job: { status: string } }>>(`/jobs/${id}.json`)
      expect(answer.body.success.job.status).toBe('succeeded')
      expect(answer.headers.etag).toMatch(/^"\d+-succeeded"$/)
    })
    expect(target.at('/through')).toHaveLength(1)
    expect((await ana.get('/jobs')).body).toEqual({ success: { jobs: [id] } })
    const ben = platform.person()
    expect((await ben.get('/jobs.json')).body).toEqual({ success: { jobs: [] } })
    const others = await ben.get<Refused>(`/jobs/${id}.json`)
    expect([others.status, others.body]).toEqual([404, { error: { id: 'Job not found.' } }])
  })

  it("an account's jobs go with it", async () => {
    const account = { email: `${randomUUID()}@example.com`, password: 'correct horse' }
    const { body } = await platform.nobody.post<{ apiKey: string; id: string }>('/accounts', account)
    const headers = { 'x-api-key': body.apiKey }
    await client.post('/jobs.json', { job: { at: '2030-01-31T12:00:00Z', uri: 'http://yourapp.com' } }, headers)
    const deleted = await client.delete('/accounts/me', undefined, headers)
    expect(deleted.status).toBeLessThan(300)
    await eventually(async () => {
      const left = await onServer(platform.database.adminUrl, (server) =>
        server.query('select id from scheduler.job where account_id = $1', [body.id]),
      )
      expect(left.rows).toEqual([])
    })
  })
})

describe('A batch through the gateway', () => {
  const ordinary = (body: string) => ({
    uri: 'https://yourapp.com/orders/confirm?source=shop&order=1234567890',
    at: '2030-01-31T18:36:21Z',
    headers: { Authorization: `Bearer ${'x'.repeat(100)}` },
    body,
    callback_uri: 'https://yourapp.com/orders/confirmed',
  })
  const batch = (count: number, body: string) => Array.from({ length: count }, () => ordinary(body))
  const ORDER = JSON.stringify({ order: 'x'.repeat(82) })
  type Made = Success<{ jobs: object[] }>

  it.each<[string, () => [path: string, rest: object, headers: Record<string, string>]]>([
    ['in a header', () => ['/jobs/batch.json', {}, { 'x-api-key': apiKey }]],
    ['in the query', () => [`/jobs/batch?apikey=${apiKey}`, {}, {}]],
    ['in the JSON', () => ['/jobs/batch.json', { apikey: apiKey }, {}]],
  ])('has room for 1,000 ordinary jobs, with the key %s', async (_, request) => {
    const [path, rest, headers] = request()
    const body = { jobs: batch(1_000, ORDER), ...rest }
    expect(JSON.stringify(body).length).toBeGreaterThan(262_144)
    const answer = await client.post<Made>(path, body, headers)
    expect([answer.status, answer.body.success.jobs.length]).toEqual([200, 1_000])
  })

  it('has room for 1,000 jobs of nearly 4 KiB', async () => {
    const headers = { 'x-api-key': apiKey }
    const jobs = batch(1_000, 'x'.repeat(3_800))
    expect((await client.post<Made>('/jobs/batch.json', { jobs }, headers)).status).toBe(200)
  })

  it.each<[string, () => [path: string, body: string, headers: Record<string, string>]]>([
    ['of more than that', () => ['/jobs/batch.json', JSON.stringify(batch(1_000, 'x'.repeat(4_000))), JSON_TYPE]],
    ['as a form', () => ['/jobs/batch.json', `x=${'x'.repeat(262_144)}`, FORM]],
    ['of one job, which is none', () => ['/jobs.json', JSON.stringify(batch(1_000, ORDER)), JSON_TYPE]],
  ])('is refused %s', async (_, request) => {
    const [path, body, headers] = request()
    const answer = await client.send<Refused>('POST', path, body, { ...headers, 'x-api-key': apiKey })
    expect([answer.status, Object.keys(answer.body.error)]).toEqual([413, ['body']])
  })

  it('is bounded more tightly as long as nobody knows who sends it', async () => {
    const body = { jobs: batch(1_000, 'x'.repeat(1_000)), apikey: apiKey }
    expect((await client.post('/jobs/batch.json', body)).status).toBe(413)
  })

  it('with single quotes is read as long as it is short', async () => {
    const jobs = (count: number) => JSON.stringify({ jobs: batch(count, 'x') }).replaceAll('"', "'")
    const send = (count: number) => client.send('POST', `/jobs/batch.json?apikey=${apiKey}`, jobs(count), JSON_TYPE)
    expect([(await send(20)).status, (await send(500)).status]).toEqual([200, 400])
  })

  it('is refused for a moment while too many are on their way', async () => {
    const headers = { ...JSON_TYPE, 'x-api-key': apiKey, 'content-length': '1000000' }
    const slow: ClientRequest[] = []
    const begin = () => {
      const one = startRequest(`${platform.url}/jobs/batch.json`, { method: 'POST', headers })
      one.on('error', () => {})
      one.flushHeaders()
      slow.push(one)
    }
    const status = async () => {
      const jobs = batch(1_000, ORDER).map((job) => ({ ...job, at: 'never' }))
      return (await client.post('/jobs/batch.json', { jobs }, { 'x-api-key': apiKey })).status
    }
    await eventually(async () => {
      const found = await status()
      if (found !== 503) begin()
      expect(found).toBe(503)
    })
    for (const one of slow) one.destroy()
    await eventually(async () => expect(await status()).toBe(400))
  })
})

describe('What the gateway refuses by itself', () => {
  it.each<[string, string, Record<string, string>, number, object]>([
    [
      'an odd path',
      '/jobs/%31.json',
      {},
      400,
      { request: 'The path has to be a plain one, with nothing encoded in it.' },
    ],
    [
      'an odd Connection',
      '/jobs.json',
      { connection: 'x-api-key' },
      400,
      { request: 'Connection may name nothing but close, keep-alive and te.' },
    ],
    ['no credential', '/jobs.json', {}, 401, { apikey: 'A bearer token or an API key is needed.' }],
  ])('is told in the form of this API: %s', async (_, path, headers, status, error) => {
    const answer = await new Promise<{ status?: number; body: string }>((resolve, reject) => {
      const asked = startRequest(`${platform.url}${path}`, { headers }, async (res) => {
        resolve({ status: res.statusCode, body: await text(res) })
      })
      asked.on('error', reject)
      asked.end()
    })
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error }])
  })

  it('is told of a body that cannot be read, by the service where it is known who asks', async () => {
    const account = { email: `${randomUUID()}@example.com`, password: 'correct horse' }
    const headers = { 'x-api-key': (await platform.nobody.post<{ apiKey: string }>('/accounts', account)).body.apiKey }
    const send = (body: string, type: string) =>
      client.send<Refused>('POST', '/jobs.json', body, { ...headers, 'content-type': type })
    const ask = async () => [
      await send(`{"apikey`, 'application/json'),
      await send('["apikey"]', 'application/json'),
      await send('apikey', 'text/plain'),
    ]
    const told = ['It is not valid JSON.', 'It has to be a JSON object.'].map((what) => `Invalid parameter.  ${what}`)
    const errors = [...told, 'The body has to be application/json or a form.'].map((body) => ({ error: { body } }))
    const usual = await ask()
    expect([usual.map(({ status }) => status), usual.map(({ body }) => body)]).toEqual([[400, 400, 415], errors])
    await client.put('/jobs/settings.json', { legacy_status: true }, headers)
    const legacy = await ask()
    expect([legacy.map(({ status }) => status), legacy.map(({ body }) => body)]).toEqual([[200, 200, 200], errors])
  })

  it('is told of a body that cannot be read', async () => {
    const answer = await client.send('POST', '/jobs.json', "{'apikey", JSON_TYPE)
    expect(answer.body).toEqual({ error: { body: 'Invalid parameter.  It is not valid JSON.' } })
  })
})
