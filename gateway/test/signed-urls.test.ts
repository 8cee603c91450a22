import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { ANONYMOUS_CALLER, ASSERTION_HEADER, Assertions } from '@platform/http/assertion.ts'
import { request } from 'undici'
import {
  type GatewayUnderTest,
  type Seen,
  startGatewayUnderTest,
  startTestService,
  type TestService,
} from './harness.ts'
import { sendRaw } from './raw-http.ts'
import { findSignedDestination, SIGNED_BODY_LIMIT } from './signed-destination.ts'

const CONTENT = Buffer.from('0123456789')

let service: TestService
let gateway: GatewayUnderTest
beforeAll(async () => {
  service = await startTestService((seen, res) => {
    res.setHeader('ETag', '"1"')
    res.setHeader('Accept-Ranges', 'bytes')
    res.setHeader('Cache-Control', 'private, max-age=600')
    res.setHeader('Content-Disposition', 'attachment; filename="a.jpg"')
    res.setHeader('X-Content-Type-Options', 'nosniff')
    const { range } = seen.headers
    if (seen.headers['if-none-match'] === '"1"') return void res.writeHead(304).end()
    if (range === 'bytes=90-') return void res.writeHead(416, { 'Content-Range': 'bytes */10' }).end()
    if (range === undefined)
      return void res.writeHead(200, { 'Content-Type': 'image/jpeg', 'Content-Length': 10 }).end(CONTENT)
    res.writeHead(206, { 'Content-Range': 'bytes 2-4/10', 'Content-Length': 3 }).end(CONTENT.subarray(2, 5))
  })
  gateway = await startGatewayUnderTest({ GROUPS_URL: service.url }, { findDestination: findSignedDestination })
})
afterAll(async () => {
  await gateway.stop()
  await service.stop()
})
beforeEach(() => {
  service.seen.length = 0
})

const last = (): Seen => {
  const seen = service.seen.at(-1)
  if (!seen) throw new Error('No request reached the service.')
  return seen
}

const head = (line: string, ...headers: string[]) => [`${line} HTTP/1.1`, 'Host: g', 'Connection: close', ...headers]

describe('a request to a destination with signed URLs', () => {
  it('needs no credential and is vouched for as anonymous, while its neighbours still need one', async () => {
    const requestId = randomUUID()
    const answer = await gateway.nobody.get('/signed/a?x=1', { 'x-request-id': requestId })
    expect(answer.status).toBe(200)
    const { headers } = last()
    expect(headers['x-current-user-id']).toBe(ANONYMOUS_CALLER.userId)
    const asked = { method: 'GET', path: '/signed/a?x=1', requestId }
    const assertions = new Assertions(DEVELOPMENT_SECRET)
    expect(assertions.verify(String(headers[ASSERTION_HEADER]), asked, 'gateway')).toEqual({
      ...ANONYMOUS_CALLER,
      vouchedAt: expect.any(Date),
    })
    expect((await gateway.nobody.get('/groups/a')).status).toBe(401)
    expect(service.seen).toHaveLength(1)
  })

  it.each(['GET', 'PUT'] as const)('of %s loses its credentials, which are not checked', async (method) => {
    const headers = { authorization: 'Basic wrong', 'x-api-key': 'pk_wrong', cookie: 'a=wrong' }
    const body = method === 'PUT' ? 'content' : undefined
    const answer = await request(`${gateway.url}/signed/a?b=1&apikey=wrong&c=2`, { method, headers, body })
    await answer.body.dump()
    expect(answer.statusCode).toBe(200)
    expect(last().url).toBe('/signed/a?b=1&c=2')
    expect(JSON.stringify(last())).not.toContain('wrong')
  })

  it.each(['GET', 'PUT'])('of %s keeps its query byte for byte, and the log keeps the signature out', async (verb) => {
    const query = `?X-Sig=a%2Fb+c%2B%3d==&sig=%41pi%7e%7E&&="z"&a[]=1|2&e={}^\`'&t=2026-01-01T00:00:00Z&s=secret!*()`
    const length = verb === 'PUT' ? 'Content-Length: 3' : 'Accept: */*'
    const answer = await sendRaw(gateway.url, head(`${verb} /signed/a${query}`, length), verb === 'PUT' ? 'abc' : '')
    expect(answer.status).toBe(200)
    expect(last().url).toBe(`/signed/a${query}`)
    expect(JSON.stringify(gateway.lines)).not.toContain('secret!')
  })

  it('cannot say who calls, in any header', async () => {
    const forged = randomUUID()
    const names = ['X-Current-User-Id', 'x_current_user_id', 'X-Gateway-Assertion', 'X-User-Id', 'X-Forwarded-For']
    const lines = names.map((name) => `${name}: ${forged}`)
    expect((await sendRaw(gateway.url, head('GET /signed/a', ...lines))).status).toBe(200)
    expect(JSON.stringify(last())).not.toContain(forged)
  })

  it.each([
    ['two Authorization headers', 'GET /signed/a', ['Authorization: Bearer a', 'Authorization: Bearer b'], 400],
    ['a header named in Connection', 'GET /signed/a', ['Connection: x-current-user-id'], 400],
    ['an encoded path', 'GET /signed/a%2f..%2fb', [], 400],
    ['a path out of the prefix', 'GET /signed/../groups/a', [], 400],
    ['a body without a length', 'PUT /signed/a', ['Transfer-Encoding: chunked'], 411],
    ['a body above the limit', 'PUT /signed/a', [`Content-Length: ${SIGNED_BODY_LIMIT + 1}`], 413],
  ])('is refused for %s', async (_what, line, headers, status) => {
    expect((await sendRaw(gateway.url, head(line, ...headers))).status).toBe(status)
    expect(service.seen).toHaveLength(0)
  })

  it('counts by address', async () => {
    const strict = await gateway.replica({ RATE_LIMIT_ADDRESS: '2' })
    const ask = async () => {
      const answer = await request(`${strict.url}/signed/a`)
      await answer.body.dump()
      return answer
    }
    const first = await ask()
    expect(first.headers['ratelimit-policy']).toContain('"address";q=2')
    expect([first.statusCode, (await ask()).statusCode, (await ask()).statusCode]).toEqual([200, 200, 429])
  })
})

describe('the answer of a destination with signed URLs', () => {
  const ask = async (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') => {
    const answer = await request(`${gateway.url}/signed/a`, { method, headers })
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
  }
  const common = {
    etag: '"1"',
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=600',
    'content-disposition': 'attachment; filename="a.jpg"',
    'x-content-type-options': 'nosniff',
  }

  it.each([
    [
      'a range',
      { range: 'bytes=2-4', 'if-range': '"1"' },
      206,
      '234',
      { 'content-range': 'bytes 2-4/10', 'content-length': '3' },
    ],
    ['a range beyond the end', { range: 'bytes=90-' }, 416, '', { 'content-range': 'bytes */10' }],
    ['the current tag', { 'if-none-match': '"1"' }, 304, '', {}],
    ['the whole', {}, 200, '0123456789', { 'content-type': 'image/jpeg', 'content-length': '10' }],
  ])('to a request for %s passes with its headers', async (_what, sent, status, text, headers) => {
    const answer = await ask(sent)
    expect([answer.status, answer.text]).toEqual([status, text])
    expect(answer.headers).toMatchObject({ ...common, ...headers })
    expect(last().headers).toMatchObject(sent)
  })

  it('to HEAD has the length and no body', async () => {
    const answer = await ask({}, 'HEAD')
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers).toMatchObject({ ...common, 'content-length': '10' })
    expect(last().method).toBe('HEAD')
  })
})
