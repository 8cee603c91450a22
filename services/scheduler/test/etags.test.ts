import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { OpenApiPart } from '@platform/http/openapi.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { type Account, type OneJob, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const LATER = { at: '2030-01-31T18:36:21Z', uri: 'http://yourapp.com/' }
const STRONG = /^"[\x21\x23-\x7e]+"$/

type Ask = (id: string) => ReturnType<Account['get']>
const READS: [string, Ask][] = [
  ['the list', () => ana.get('/jobs.json')],
  ['the list with details', () => ana.get('/jobs.json?details=true')],
  ['a job', (id) => ana.get(`/jobs/${id}.json`)],
  ['attempts', (id) => ana.get(`/jobs/${id}/attempts.json`)],
  ['settings', () => ana.get('/jobs/settings.json')],
]
const WRITES: [string, Ask][] = [
  ['creating', () => ana.post('/jobs.json', { job: LATER })],
  ['creating several', () => ana.post('/jobs/batch.json', { jobs: [LATER, LATER] })],
  ['a preview', () => ana.post('/jobs/preview.json', { job: LATER })],
  ['changing', (id) => ana.put(`/jobs/${id}.json`, { job: { method: 'PUT' } })],
  ['pausing', (id) => ana.post(`/jobs/${id}/pause.json`)],
  ['canceling', (id) => ana.post(`/jobs/${id}/cancel.json`)],
  ['deleting', (id) => ana.delete(`/jobs/${id}.json`)],
  ['settings', () => ana.put('/jobs/settings.json', { legacy_status: false })],
  ['a new secret', () => ana.post('/jobs/settings/secret/rotate.json')],
]

describe('Every answer carries a strong ETag', () => {
  it.each([...READS, ...WRITES])('%s', async (_, ask) => {
    const answer = await ask(await ana.schedule(LATER))
    expect(answer.status).toBe(200)
    expect(answer.headers.etag).toMatch(STRONG)
  })

  it('but no error does', async () => {
    const answers = await Promise.all([ana.get('/jobs/unknown.json'), ana.post('/jobs.json', {})])
    const legacy = await scheduler.account()
    await legacy.put('/jobs/settings.json', { legacy_status: true })
    for (const { headers } of [...answers, await legacy.get('/jobs/unknown.json')]) expect(headers.etag).toBeUndefined()
  })
})

describe('If-None-Match', () => {
  const reading = (path: (id: string) => string) => async () => {
    const bo = await scheduler.account()
    const id = await bo.schedule({ at: scheduler.time.date().toISOString(), uri: `${target.url}/read` })
    await eventually(async () => expect((await bo.job(id)).status).toBe('succeeded'))
    return { bo, id, path: path(id) }
  }
  it.each([
    ['the list', reading(() => '/jobs.json')],
    ['the list with details', reading(() => '/jobs.json?details=true')],
    ['a job', reading((id) => `/jobs/${id}.json`)],
    ['attempts', reading((id) => `/jobs/${id}/attempts.json`)],
  ])('of %s is 304 until something changes', async (_, begin) => {
    const { bo, id, path } = await begin()
    const seen = String((await bo.get(path)).headers.etag)
    for (const tags of [seen, `"other", W/${seen}`, '*']) {
      const same = await bo.get(path, { 'if-none-match': tags })
      expect([same.status, same.body, same.headers.etag]).toEqual([304, '', seen])
    }
    expect((await bo.get(path, { 'if-none-match': '"other"' })).status).toBe(200)
    await bo.schedule(LATER)
    await bo.post(`/jobs/${id}/run.json`)
    await eventually(async () => expect(await bo.attempts(id)).toHaveLength(2))
    const changed = await bo.get(path, { 'if-none-match': seen })
    expect(changed.status).toBe(200)
    expect(changed.headers.etag).not.toBe(seen)
  })
})

describe('If-Match', () => {
  it('holds for every command: only the job that was seen is changed', async () => {
    for (const command of ['run', 'pause', 'cancel']) {
      const id = await ana.schedule(LATER)
      const path = `/jobs/${id}/${command}.json`
      const seen = String((await ana.get(`/jobs/${id}.json`)).headers.etag)
      await ana.put(`/jobs/${id}.json`, { job: { method: 'GET' } })
      expect([command, (await ana.post(path, undefined, { 'if-match': seen })).status]).toEqual([command, 409])
      // Weak tags are for caches: they promise too little for a change.
      const now = String((await ana.get(`/jobs/${id}.json`)).headers.etag)
      expect((await ana.post(path, undefined, { 'if-match': `W/${now}` })).status).toBe(409)
      expect((await ana.job(id)).status).toBe('scheduled')
      const done = await ana.post<OneJob>(path, undefined, { 'if-match': `"other", ${now}` })
      expect(done.status).toBe(200)
      expect(done.headers.etag).not.toBe(now)
      if (command !== 'cancel') await ana.post(`/jobs/${id}/cancel.json`)
    }
  })
})

describe('The API document', () => {
  it('shows the tag in each answer, and the conditions where they work', async () => {
    const internal = new ServiceCaller(scheduler.url, DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
    const { paths } = (await internal.get<OpenApiPart>('/internal/openapi.json')).body
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const { responses, parameters } = operation as {
          responses: Record<string, { headers?: object }>
          parameters: { $ref?: string }[]
        }
        const has = (name: string) => parameters.some(({ $ref }) => $ref === `#/components/parameters/${name}`)
        const isCommand = path.startsWith('/jobs/{id}') && method !== 'get'
        expect([path, method, responses[200]?.headers]).toEqual([
          path,
          method,
          expect.objectContaining({ ETag: { $ref: '#/components/headers/ETag' } }),
        ])
        expect([path, method, has('IfNoneMatch'), '304' in responses, has('IfMatch')]).toEqual([
          path,
          method,
          method === 'get',
          method === 'get',
          isCommand,
        ])
      }
    }
  })
})
