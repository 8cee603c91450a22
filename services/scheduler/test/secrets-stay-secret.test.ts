import { randomBytes, randomUUID } from 'node:crypto'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Client } from '@platform/testing/client.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { startProcesses, type TestProcesses } from '@platform/testing/processes.ts'
import { onServer } from '@platform/testing/server.ts'
import type { OneJob } from './harness.ts'
import { startTarget, status, type Target } from './target.ts'

/** Passes on what comes to it, and keeps all of it: what a process really gets. */
async function startRecorder() {
  const pieces: Buffer[] = []
  let port = 0
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    client.on('data', (piece: Buffer) => void pieces.push(piece))
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) socket.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passOnTo: (url: string) => {
      port = Number(new URL(url).port)
    },
    text: () => Buffer.concat(pieces).toString('latin1'),
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

let database: TestDatabase
let processes: TestProcesses
let recorder: Awaited<ReturnType<typeof startRecorder>>
let target: Target
let client: Client
/** A real key, one of the right form that nobody has, and one that looks like none: nothing can tell it by its shape. */
let keys: { valid: string; unknown: string; shapeless: string }
const jobSecret = randomBytes(18).toString('hex')
beforeAll(async () => {
  target = await startTarget()
  recorder = await startRecorder()
  database = await cloneDatabase()
  processes = await startProcesses({
    database,
    names: ['gateway', 'scheduler'],
    env: {
      all: { LOG_LEVEL: 'debug' },
      gateway: { SCHEDULER_URL: recorder.url, RATE_LIMITS: 'off' },
      scheduler: { ALLOWED_INNER_TARGETS: '127.0.0.0/8' },
    },
  })
  recorder.passOnTo(processes.get('scheduler').url)
  client = new Client(processes.get('gateway').url)
  const signUp = async () => {
    const account = { email: `${randomUUID()}@example.com`, password: 'correct horse' }
    return (await client.post<{ apiKey: string; id: string }>('/accounts', account)).body.apiKey
  }
  const unknown = (await signUp()).replace(/.{4}$/, (end) => end.split('').reverse().join('').toLowerCase())
  keys = { valid: await signUp(), unknown, shapeless: randomBytes(18).toString('hex') }
})
afterAll(async () => {
  await processes.stop()
  await recorder.stop()
  await target.stop()
  await database.drop()
})

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }
const GOOD = 'job[at]=2030-01-31T18:36:21&job[uri]=http://yourapp.com/'
const BAD = 'job[at]=never&job[uri]=x'

type Request = [path: string, body: string | undefined, headers: Record<string, string>]
/** Each way of passing a key, with a job that is fine, one that is not, and with a body that cannot be read. */
const requests = (key: string): Request[] => [
  ...[GOOD, BAD].flatMap((job): Request[] => [
    [`/jobs.json?${job}&apikey=${key}`, '', FORM],
    [`/jobs.json?${job}`, undefined, { 'x-api-key': key }],
    ['/jobs.json', `${job}&apikey=${key}`, FORM],
  ]),
  ['/jobs.json', JSON.stringify({ job: { at: '2030-01-31', uri: 'http://yourapp.com' }, apikey: key }), JSON_TYPE],
  ['/jobs.json', `{ 'job':{ 'at':'2030-01-31', 'uri':'http://yourapp.com' }, 'apikey':'${key}' }`, JSON_TYPE],
  ['/jobs.json', JSON.stringify({ job: { at: 5 }, apikey: key }), JSON_TYPE],
  ['/jobs.json', JSON.stringify({ job: 'text', apikey: key }), JSON_TYPE],
  ['/jobs.json', `{"apikey":"${key}","job":{`, JSON_TYPE],
  ['/jobs.json', `{"apikey":"${key}","job":\u0000}`, JSON_TYPE],
  ['/jobs.json', `["apikey","${key}"]`, JSON_TYPE],
  ['/jobs.json', `{"apikey":"${key}","apikey":"${key}"}`, JSON_TYPE],
  ['/jobs.json', JSON.stringify({ _method: 'TRACE', apikey: key }), JSON_TYPE],
  // As curl sends it when nobody says that it is JSON.
  ['/jobs.json', JSON.stringify({ apikey: key }), FORM],
  ['/jobs.json', JSON.stringify({ apikey: key }), { 'content-type': 'text/plain' }],
  ['/jobs.json', `job[at]=%ff%fe&apikey=${key}`, FORM],
  ['/jobs.json', `%61pikey=${key}&job[uri]=%zz`, FORM],
  ['/jobs.json', `${GOOD}&apikey[]=${key}`, FORM],
  [`/jobs.json?${GOOD}&apikey=${key}&apikey=${key}`, '', FORM],
  [`/jobs.json?${GOOD}&%61pikey=${key}`, `apikey=${key}`, FORM],
  [`/jobs.json?${GOOD}&apikey=${key}`, undefined, { authorization: `Bearer ${key}` }],
  [`/jobs/unknown.json?apikey=${key}&_method=DELETE`, undefined, {}],
  [`/jobs/unknown.json?_method=PUT&${GOOD}`, `apikey=${key}`, FORM],
  [`/jobs.json?apikey=${key}`, `x=${'x'.repeat(300_000)}`, FORM],
  [`/jobs.json?%zz=1&apikey=${key}`, '', FORM],
  // Once more in the body, where nobody looks for it: the other one is enough to get as far as the service.
  ...[`{"apikey":"${key}"`, `["apikey","${key}"]`, `"apikey ${key}"`].map(
    (body): Request => ['/jobs.json', body, { ...JSON_TYPE, 'x-api-key': key }],
  ),
  ...['text/plain', 'multipart/form-data; boundary=x', 'application/xml'].map(
    (type): Request => [
      '/jobs.json',
      `--x\r\nContent-Disposition: form-data; name="apikey"\r\n\r\n${key}\r\n--x--`,
      { 'content-type': type, 'x-api-key': key },
    ],
  ),
]

/** All that the two processes wrote, the access log in it. */
const written = () => [...processes.get('gateway').lines, ...processes.get('scheduler').lines].join('\n')

const stored = () =>
  onServer(database.adminUrl, async (server) => {
    const { rows: tables } = await server.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('scheduler', 'event_log')",
    )
    const dumps = []
    for (const { name } of tables) dumps.push((await server.query(`select t::text from ${name} t`)).rows)
    return JSON.stringify(dumps)
  })

describe('An API key', () => {
  it.each(['valid', 'unknown', 'shapeless'] as const)(
    'that is %s is in no log, and no service gets it',
    async (kind) => {
      const key = keys[kind]
      const statuses: number[] = []
      for (const [path, body, headers] of requests(key)) {
        const answer = await client.send('POST', path, body, headers)
        statuses.push(answer.status)
        expect(JSON.stringify(answer.body)).not.toContain(key)
      }
      for (const path of ['/jobs.json', '/jobs/settings.json', '/jobs/unknown/attempts.json']) {
        statuses.push((await client.get(`${path}?apikey=${key}`)).status)
      }
      expect(statuses.filter((status) => status >= 500)).toEqual([])
      expect(statuses.includes(200)).toBe(kind === 'valid')
      // Everything above has been written: the access log comes last.
      const end = randomUUID()
      await client.get('/healthz', { 'x-request-id': end })
      await eventually(() => expect(written()).toContain(end))
      const seen = { logs: written(), byScheduler: recorder.text(), stored: await stored() }
      for (const [place, text] of Object.entries(seen)) expect([place, text.includes(key)]).toEqual([place, false])
      expect(written()).toContain('"path":"/jobs.json"')
      if (kind === 'valid') expect(recorder.text()).toContain('POST /jobs.json')
    },
  )
})

describe("A job's own secrets", () => {
  it('reach its target, and neither a log nor an answer', async () => {
    const headers = { Authorization: `Bearer ${jobSecret}`, 'X-Shared': jobSecret }
    const credential = { 'x-api-key': keys.valid }
    const answers: unknown[] = []
    const ask = async <T>(send: Promise<{ status: number; body: T }>) => {
      const { body } = await send
      answers.push(body)
      return body
    }
    target.answer('/fails', status(500))
    for (const uri of [`${target.url}/fine`, `${target.url}/fails`, 'http://127.0.0.1:1/refused']) {
      const plan = { uri, headers, limit: 1 }
      await ask(client.post('/jobs/preview.json', { job: { ...plan, at: '2030-01-31' } }, credential))
      // However long it takes until it is made, its time has not passed.
      const job = { ...plan, at: new Date(Date.now() + 60_000).toISOString() }
      const { id } = (await ask(client.post<OneJob>('/jobs.json', { job }, credential))).success.job
      await ask(client.post(`/jobs/${id}/run.json`, undefined, credential))
      await eventually(async () => {
        const { body } = await client.get<OneJob>(`/jobs/${id}.json`, credential)
        expect(['succeeded', 'retrying']).toContain(body.success.job.status)
      })
      await ask(client.get(`/jobs/${id}.json`, credential))
      await ask(client.get(`/jobs/${id}/attempts.json`, credential))
      await ask(client.post(`/jobs/${id}/run.json`, undefined, credential))
      await ask(client.put(`/jobs/${id}.json`, { job: { headers: { ...headers, host: 'x' } } }, credential))
    }
    await ask(client.get('/jobs.json?details=true', credential))
    expect(target.at('/fine')[0]?.headers).toMatchObject({
      authorization: `Bearer ${jobSecret}`,
      'x-shared': jobSecret,
    })
    expect(JSON.stringify(target.at('/fine'))).not.toContain(keys.valid)
    expect(JSON.stringify(answers)).toContain('"Authorization":"[redacted]"')
    expect([JSON.stringify(answers), written()].map((text) => text.includes(jobSecret))).toEqual([false, false])
  })
})
