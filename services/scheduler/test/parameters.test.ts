import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { JobEcho } from '../src/jobs/shapes.ts'
import { type Account, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'

let scheduler: Scheduler
let ana: Account
beforeAll(async () => {
  scheduler = await startScheduler()
  ana = await scheduler.account({ timezone: 'America/Los_Angeles' })
})
afterAll(() => scheduler.stop())

type Echo = Success<{ job: JobEcho }>

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }
const AT = '2030-01-31T18:36:21'
const expected = {
  id: expect.stringMatching(/^[A-Za-z0-9]{8,}$/),
  uri: 'http://yourapp.com:80/?var1=true&var2=false',
  method: 'POST',
  at: '2030-01-31 18:36:21 -0800',
}
const QUERY = `job[at]=${AT}&job[method]=POST&job[uri]=http://yourapp.com/?var1=true%26var2=false`

describe('Passing parameters', () => {
  it.each<[string, string, string | undefined, Record<string, string>]>([
    ['in the query alone', `/jobs.json?${QUERY}`, undefined, {}],
    ['in the query, with an empty form and its length', `/jobs.json?${QUERY}`, '', { ...FORM, 'content-length': '0' }],
    [
      'in the query with everything encoded',
      `/jobs.json?job%5Bat%5D=2030-01-31T18%3A36%3A21&job%5Bmethod%5D=POST&job%5Buri%5D=http%3A%2F%2Fyourapp.com%2F%3Fvar1%3Dtrue%26var2%3Dfalse`,
      undefined,
      {},
    ],
    ['in a form', '/jobs.json', QUERY, FORM],
    ['in a form with a charset', '/jobs.json', QUERY, { 'content-type': `${FORM['content-type']}; charset=UTF-8` }],
    [
      'in JSON',
      '/jobs.json',
      JSON.stringify({ job: { at: AT, method: 'POST', uri: 'http://yourapp.com/?var1=true&var2=false' } }),
      JSON_TYPE,
    ],
    [
      'in JSON with a key inside',
      '/jobs.json',
      JSON.stringify({ job: { at: AT, uri: 'http://yourapp.com/?var1=true&var2=false', id: null }, apikey: 'x' }),
      JSON_TYPE,
    ],
    [
      'in JSON with single quotes',
      '/jobs.json',
      `{ 'job':{ 'uri':'http://yourapp.com/?var1=true&var2=false',\n'at':'${AT}', 'method':'POST' }, 'apikey':'[your_api_key]' }`,
      JSON_TYPE,
    ],
    [
      'in JSON with outer single and inner double quotes',
      '/jobs.json',
      `{'job':{"id":null,"uri":"http://yourapp.com/?var1=true&var2=false","at":"${AT}","method":"POST"}}`,
      JSON_TYPE,
    ],
    [
      'half in the query, half in JSON',
      `/jobs.json?job[at]=${AT}`,
      '{"job":{"uri":"http://yourapp.com/?var1=true&var2=false"}}',
      JSON_TYPE,
    ],
    ['without .json', `/jobs?${QUERY}`, undefined, {}],
  ])('works %s', async (_, path, body, headers) => {
    const answer = await ana.send<Echo>('POST', path, body, headers)
    expect(answer.body).toEqual({ success: { job: expected } })
    expect(answer.status).toBe(200)
    expect(Object.keys(answer.body.success.job)).toEqual(['id', 'uri', 'method', 'at'])
  })

  it('takes null for nothing said, in a job, in each of many, and beside them', async () => {
    const nothing = { id: null, headers: null, body: null, callback_uri: null, limit: null, cron: null, timezone: null }
    const job = { at: AT, uri: 'http://yourapp.com/?var1=true&var2=false', ...nothing }
    const one = await ana.post<Echo>('/jobs.json', { job, jobs: null, other: null })
    expect(one.body.success.job).toEqual(expected)
    const many = await ana.post<Success<{ jobs: JobEcho[] }>>('/jobs/batch.json', { jobs: [job, job], job: null })
    expect(many.body.success.jobs).toEqual([expected, expected])
    const lacking = await ana.post<Refused>('/jobs/batch.json', { jobs: [job, null] })
    expect([lacking.status, Object.keys(lacking.body.error)]).toEqual([400, ['jobs[1]']])
  })

  it('takes headers in brackets', async () => {
    const { body } = await ana.send<Echo>('POST', `/jobs.json?${QUERY}&job[headers][X-Token]=secret`, undefined)
    const job = await ana.job(body.success.job.id)
    expect(job.headers).toEqual({ 'X-Token': '[redacted]' })
  })

  it('changes and deletes with PUT and DELETE, and with POST and _method', async () => {
    const id = await ana.schedule({ at: AT, uri: 'http://yourapp.com/' })
    const put = await ana.send<Echo>('PUT', `/jobs/${id}.json?job[uri]=http://a.example.com`, '', {
      ...FORM,
      'content-length': '0',
    })
    expect(put.body.success.job).toEqual({ ...expected, id, uri: 'http://a.example.com:80/' })
    const post = await ana.send<Echo>('POST', `/jobs/${id}.json`, '_method=PUT&job[method]=GET', FORM)
    expect(post.body.success.job).toEqual({ ...expected, id, uri: 'http://a.example.com:80/', method: 'GET' })
    const inJson = await ana.post<Echo>(`/jobs/${id}`, { _method: 'put', job: { at: '2030-02-01T00:00:00Z' } })
    expect(inJson.body.success.job.at).toBe('2030-02-01 00:00:00 +0000')
    const deleted = await ana.send('POST', `/jobs/${id}.json?_method=DELETE`)
    expect([deleted.status, deleted.body]).toEqual([200, { success: { message: 'Job deleted' } }])
    expect((await ana.send('DELETE', `/jobs/${id}.json`)).status).toBe(404)
  })

  it.each([
    ['another content type', 'x=y', { 'content-type': 'text/plain' }, 415, 'body'],
    ['another charset', '{}', { 'content-type': 'application/json; charset=utf-7' }, 415, 'body'],
    ['a packed body', '{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }, 415, 'body'],
    ['JSON that is none', '{', JSON_TYPE, 400, 'body'],
    ['an array', '[]', JSON_TYPE, 400, 'body'],
    ['a huge body', `{"job":{"uri":"${'x'.repeat(300_000)}"}}`, JSON_TYPE, 413, 'body'],
    ['more values than anybody needs', `{"x":[${'0,'.repeat(110_000)}0]}`, JSON_TYPE, 400, 'body'],
    ['a job that is a text', '{"job":"x"}', JSON_TYPE, 400, 'job'],
    ['a limit that is a text', '{"job":{"limit":"many"}}', JSON_TYPE, 400, 'limit'],
    ['headers that are an array', '{"job":{"headers":["a"]}}', JSON_TYPE, 400, 'headers'],
    ['another verb in _method', '{"_method":"TRACE"}', JSON_TYPE, 400, '_method'],
    ['a NUL', '{"job":{"uri":"http://a.com/\\u0000"}}', JSON_TYPE, 400, 'body'],
    ['broken escapes', 'job[uri]=%ff%fe', FORM, 400, 'request'],
  ])('refuses %s', async (_, body, headers, status, named) => {
    const answer = await ana.send<Refused>('POST', '/jobs.json', body, headers)
    expect(answer.status).toBe(status)
    expect(Object.keys(answer.body.error)).toContain(named)
  })

  it('is not fooled by names with a meaning of their own', async () => {
    const answer = await ana.send<Refused>(
      'POST',
      '/jobs.json?__proto__[polluted]=1&job[__proto__][at]=1&constructor[prototype][x]=1',
    )
    expect(answer.status).toBe(400)
    expect(Object.keys(answer.body.error)).toEqual(['at', 'uri'])
    expect({}).not.toHaveProperty('polluted')
  })
})
