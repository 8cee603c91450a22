import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { ASSERTION_HEADER, Assertions } from '@platform/http/assertion.ts'
import { request } from 'undici'
import type { GatewayUnderTest, Member, Seen, TestService } from './harness.ts'
import { startGatewayUnderTest, startTestService } from './harness.ts'

let gateway: GatewayUnderTest
let groups: TestService
let moderation: TestService
let ana: Member
beforeAll(async () => {
  groups = await startTestService((seen, res) => {
    res.writeHead(seen.url === '/groups/none' ? 204 : 200, {
      'Content-Type': seen.url === '/groups/none' ? 'text/plain' : 'application/json',
      'X-Powered-By': 'Something',
      'X-Gateway-Assertion': 'leak',
      'Set-Cookie': 'a=b',
      ETag: '"1"',
    })
    res.end(seen.url === '/groups/none' ? undefined : JSON.stringify({ url: seen.url, body: seen.body }))
  })
  moderation = await startTestService()
  gateway = await startGatewayUnderTest({ GROUPS_URL: groups.url, MODERATION_URL: `${moderation.url}/` })
  ana = await gateway.signUp()
})
afterAll(async () => {
  await gateway.stop()
  await groups.stop()
  await moderation.stop()
})
beforeEach(() => {
  groups.seen.length = 0
  moderation.seen.length = 0
})

const last = (service: TestService): Seen => {
  const seen = service.seen.at(-1)
  if (!seen) throw new Error('Nothing came through.')
  return seen
}

describe('the way to the services', () => {
  it.each([
    ['/groups', () => groups],
    ['/groups/', () => groups],
    ['/groups/6b8f/participants?isMuted=true', () => groups],
    ['/user-data?userId=1', () => groups],
    ['/moderation/queue?page=0', () => moderation],
    ['/reports', () => moderation],
  ])('%s goes to its service as it is', async (path, service) => {
    expect((await ana.byToken.get(path)).status).toBe(200)
    expect(last(service()).url).toBe(path)
  })

  it.each(['/group', '/groupsx', '/Groups', '/internal/openapi.json', '/metrics', '/posts', '/'])(
    '%s is nowhere',
    async (path) => {
      const answer = await ana.byToken.get(path)
      expect(answer.status).toBe(404)
      expect(answer.body.errors).toEqual([
        {
          code: 'not_found',
          message: expect.any(String),
          endpoint: `GET ${path}`,
          requestId: answer.headers['x-request-id'],
        },
      ])
      expect(groups.seen.length + moderation.seen.length).toBe(0)
    },
  )

  it('vouches for the caller, for exactly this request', async () => {
    const requestId = randomUUID()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const answer = await ana.byToken.post(
      '/groups?x=1',
      { name: 'Runners' },
      { 'x-request-id': requestId, traceparent },
    )
    expect(answer.headers['x-request-id']).toBe(requestId)
    const { headers, body } = last(groups)
    expect(JSON.parse(body)).toEqual({ name: 'Runners' })
    expect(headers['x-current-user-id']).toBe(ana.id)
    expect(headers['x-request-id']).toBe(requestId)
    expect(headers.traceparent).toMatch(new RegExp(`^00-${'a'.repeat(32)}-(?!${'b'.repeat(16)})[0-9a-f]{16}-01$`))
    const assertions = new Assertions(DEVELOPMENT_SECRET)
    const assertion = String(headers[ASSERTION_HEADER])
    const asked = { method: 'POST', path: '/groups?x=1', requestId }
    expect(assertions.verify(assertion, asked, 'gateway')).toEqual({
      userId: ana.id,
      roles: ['user'],
      vouchedAt: expect.any(Date),
    })
    expect(assertions.verify(assertion, { ...asked, path: '/groups?x=2' }, 'gateway')).toBeUndefined()
  })

  it('keeps credentials, cookies and headers that services do not know to itself', async () => {
    await ana.byToken.get('/groups', {
      cookie: 'a=b',
      'x-forwarded-for': '1.2.3.4',
      'x-api-version': '1',
      forwarded: 'for=1',
    })
    await ana.byKey.get('/groups')
    await gateway.nobody.get(`/groups?a=%20b&apikey=${ana.apiKey}&c=d`)
    await gateway.nobody.get(`/groups?%61pike%79=${ana.apiKey}&ApiKey=x&apikey[]=y`)
    expect(groups.seen.map(({ url }) => url)).toEqual(['/groups', '/groups', '/groups?a=%20b&c=d', '/groups'])
    const text = JSON.stringify(groups.seen)
    for (const secret of [ana.apiKey, ana.accessToken, 'a=b;', '1.2.3.4', 'x-api-version', 'cookie', 'authorization']) {
      expect(text).not.toContain(secret)
    }
    expect(JSON.stringify(gateway.lines)).not.toContain(ana.apiKey)
    expect(JSON.stringify(gateway.lines)).not.toContain(ana.accessToken)
  })

  it('keeps what services say among themselves from clients, and adds what browsers need', async () => {
    const { headers } = await ana.byToken.get('/groups')
    expect(headers).toMatchObject({
      etag: '"1"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'private, no-cache',
    })
    for (const name of ['x-powered-by', 'x-gateway-assertion', 'set-cookie']) expect(headers).not.toHaveProperty(name)
  })

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)('passes %s on', async (method) => {
    const body = method === 'PUT' ? '{"a":1}' : undefined
    const answer = await request(`${gateway.url}/groups/1`, { method, headers: ana.byToken.credential(), body })
    await answer.body.dump()
    expect(answer.statusCode).toBe(200)
    expect(last(groups).method).toBe(method)
  })

  it('refuses verbs that no service has, and passes answers without a body', async () => {
    expect((await ana.byToken.get('/groups/none')).status).toBe(204)
    expect((await ana.byToken.send('PROPFIND' as 'GET', '/groups')).status).toBe(404)
    expect((await ana.byToken.send('TRACE', '/groups')).status).toBe(404)
    expect(groups.seen).toHaveLength(1)
  })

  it('asks for a credential before anything else', async () => {
    const answer = await gateway.nobody.get('/groups')
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="platform"')
    expect(groups.seen).toHaveLength(0)
  })
})
