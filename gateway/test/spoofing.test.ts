import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { Assertions } from '@platform/http/assertion.ts'
import { addressVariable, SERVICES } from '@platform/platform/registry.ts'
import { startPlatform } from '@platform/testing/platform.ts'
import { findDestination } from '../src/proxy/routing-table.ts'
import type { Member } from './harness.ts'
import { type GatewayUnderTest, startGatewayUnderTest, startTestService, type TestService } from './harness.ts'
import { sendRaw } from './raw-http.ts'

const ADMIN = randomUUID()
const forged = new Assertions(DEVELOPMENT_SECRET).sign(
  { userId: ADMIN, roles: ['admin'] },
  { method: 'GET', path: '/groups', requestId: 'forged' },
  'gateway',
)

/** Every header that could say who somebody is, and what it would say. */
const IDENTITY: Record<string, string> = {
  'x-current-user-id': ADMIN,
  'x-gateway-assertion': forged,
  'x-user-id': ADMIN,
  'x-user-roles': 'admin',
  'x-user': ADMIN,
  'x-roles': 'admin',
  'x-scopes': 'groups:write',
  'x-authenticated-user': ADMIN,
  'x-forwarded-for': '10.9.8.7',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-user': ADMIN,
  'x-real-ip': '10.9.8.7',
  forwarded: 'for=10.9.8.7',
  cookie: `session=${ADMIN}`,
}
const spellings = (name: string) => [
  name,
  name.toUpperCase(),
  name.replaceAll('-', '_'),
  name.replaceAll('-', '_').toUpperCase(),
  name.replace(/(^|-)(\w)/g, (text) => text.toUpperCase()),
  name.replace('-', '_'),
]

let gateway: GatewayUnderTest
let service: TestService
let ana: Member
/** `VERB /path` of everything in the merged document that a service answers. */
let routes: string[]
beforeAll(async () => {
  routes = await documentedRoutes()
  service = await startTestService()
  // One server stands for every service there is: what counts is what the gateway passes on.
  gateway = await startGatewayUnderTest(
    Object.fromEntries(SERVICES.map((name) => [addressVariable(name), service.url])),
  )
  ana = await gateway.signUp()
})
afterAll(async () => {
  await gateway.stop()
  await service.stop()
})
beforeEach(() => {
  service.seen.length = 0
})

const head = (line: string, ...headers: string[]) => [
  `${line} HTTP/1.1`,
  'Host: gateway',
  'Connection: close',
  ...headers,
]
const bearer = () => `Authorization: Bearer ${ana.accessToken}`

function expectOnlyAna(): void {
  for (const { headers, rawHeaders } of service.seen) {
    expect(headers['x-current-user-id']).toBe(ana.id)
    expect(JSON.stringify(rawHeaders)).not.toContain(ADMIN)
    expect(JSON.stringify(rawHeaders)).not.toMatch(/10\.9\.8\.7|evil\.example/)
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    expect(names.filter((name) => name.includes('_'))).toEqual([])
    expect(new Set(names).size).toBe(names.length)
  }
}

async function documentedRoutes(): Promise<string[]> {
  const platform = await startPlatform()
  try {
    const { body } = await platform.nobody.get<{ paths: Record<string, object> }>('/openapi.json')
    return Object.entries(body.paths)
      .filter(([path]) => findDestination(path) !== undefined)
      .flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`))
      .map((route) => route.replaceAll(/\{\w+\}/g, randomUUID()))
  } finally {
    await platform.stop()
  }
}

describe('every route of every service', () => {
  it('are many', () => expect(routes.length).toBeGreaterThan(20))

  it('does not believe who a client says to be, in any spelling', async () => {
    for (const route of routes) {
      const lines = Object.entries(IDENTITY).flatMap(([name, value]) =>
        spellings(name).map((spelling) => `${spelling}: ${value}`),
      )
      for (const batch of [lines.slice(0, 40), lines.slice(40)]) {
        const answer = await sendRaw(gateway.url, head(route, bearer(), 'Content-Length: 0', ...batch))
        expect(answer.status).toBe(200)
      }
      expectOnlyAna()
      expect(service.seen.splice(0)).toHaveLength(2)
    }
  })

  it('is not reached without a credential, whatever is sent instead', async () => {
    for (const route of routes) {
      for (const [name, value] of Object.entries(IDENTITY)) {
        expect((await sendRaw(gateway.url, head(route, `${name}: ${value}`, 'Content-Length: 0'))).status).toBe(401)
      }
      const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13']
      const line = [`${route} HTTP/1.1`, 'Host: gateway', `x-current-user-id: ${ADMIN}`, ...upgrade]
      for (const lines of [
        line,
        [...line, bearer()],
        [...line.filter((each) => !each.includes('websocket')), 'Upgrade: h2c'],
      ]) {
        expect(await sendRaw(gateway.url, lines)).toMatchObject({ status: 400, isClosed: true })
      }
      expect(service.seen).toHaveLength(0)
    }
  })

  it('refuses a Connection header that names one of them', async () => {
    for (const route of routes) {
      for (const name of [
        'x-current-user-id',
        'X_Current_User_Id',
        'x-gateway-assertion',
        'authorization',
        'x-request-id',
      ]) {
        const lines = [
          `${route} HTTP/1.1`,
          'Host: gateway',
          `Connection: close, ${name}`,
          bearer(),
          'Content-Length: 0',
        ]
        expect((await sendRaw(gateway.url, lines)).status).toBe(400)
      }
      expect(service.seen).toHaveLength(0)
    }
  })

  it('refuses the absolute form and every encoding of the path', async () => {
    for (const route of routes) {
      const [verb, path = ''] = route.split(' ')
      const disguised = [
        `http://gateway${path}`,
        `http://evil.example${path}`,
        `/${path}`,
        `/.${path}`,
        `/x/..${path}`,
        `${path}/../../internal/openapi.json`,
        `${path}//`,
        `${path}/./x`,
        `${path}%2f..%2finternal`,
        `${path}%2F`,
        `${path}/%2e%2e/internal`,
        `${path}%5c`,
        `${path}\\..\\internal`,
        `${path}%00`,
        `${path};x=1`,
        `${path}#x`,
        path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
        'gateway:443',
        '*',
      ]
      for (const target of disguised) {
        const { status } = await sendRaw(gateway.url, head(`${verb} ${target}`, bearer(), 'Content-Length: 0'))
        expect([target, status]).toEqual([target, 400])
      }
      expect(service.seen).toHaveLength(0)
    }
  })
})

describe('ambiguous requests', () => {
  it.each([
    ['two Authorization headers', () => [bearer(), bearer()]],
    ['two keys', () => [`X-API-Key: ${ana.apiKey}`, `x-api-key: ${ana.apiKey}`]],
    ['two Hosts', () => [bearer(), 'Host: other']],
    ['two lengths', () => [bearer(), 'Content-Length: 0', 'Content-Length: 5']],
    ['a length and chunks', () => [bearer(), 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['an unknown coding', () => [bearer(), 'Transfer-Encoding: gzip']],
    ['a blank before the colon', () => [bearer(), 'Content-Length : 5']],
    ['a folded line', () => [bearer(), 'X-A: b', ' folded']],
    ['a bare carriage return', () => [bearer(), 'X-A: b\rx-current-user-id: 1']],
    ['a NUL', () => [bearer(), 'X-A: b\0']],
  ])('%s: 400', async (_what, headers) => {
    const answer = await sendRaw(gateway.url, head('GET /groups', ...headers()))
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text.split('\r\n\r\n')[1] ?? '').errors).toHaveLength(1)
    expect(service.seen).toHaveLength(0)
  })

  it.each([
    ['a token and a key', () => [bearer(), `X-API-Key: ${ana.apiKey}`], '/groups'],
    ['a token and a key in the query', () => [bearer()], () => `/groups?apikey=${ana.apiKey}`],
    ['two keys in the query', () => [], () => `/groups?apikey=${ana.apiKey}&apikey=${ana.apiKey}`],
    ['a basic credential', () => ['Authorization: Basic YTpi'], '/groups'],
    ['an empty token', () => ['Authorization: Bearer '], '/groups'],
    ['an empty key', () => ['X-API-Key:'], '/groups'],
    ['an empty key in the query', () => [], '/groups?apikey='],
  ] as const)('%s: 401', async (_what, headers, path) => {
    const target = typeof path === 'string' ? path : path()
    expect((await sendRaw(gateway.url, head(`GET ${target}`, ...headers()))).status).toBe(401)
    expect(service.seen).toHaveLength(0)
  })

  it('sees a second request where there is one, and asks it for its own credential', async () => {
    const first = ['POST /groups HTTP/1.1', 'Host: gateway', bearer(), 'Content-Length: 0']
    const second = 'GET /groups HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n'
    const answer = await sendRaw(gateway.url, first, second)
    expect([...answer.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '401'])
    expect(service.seen).toHaveLength(1)
  })

  it('refuses tunnels, and heads that are too large', async () => {
    expect((await sendRaw(gateway.url, ['CONNECT gateway:443 HTTP/1.1', 'Host: gateway'])).status).toBe(400)
    expect((await sendRaw(gateway.url, head('GET /groups', `X-Big: ${'x'.repeat(20_000)}`))).status).toBe(431)
    expect((await sendRaw(gateway.url, ['HELLO'])).status).toBe(400)
  })
})
