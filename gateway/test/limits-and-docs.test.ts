import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import jwt from 'jsonwebtoken'
import { request } from 'undici'
import { parse } from 'yaml'
import { loadConfig } from '../src/config.ts'
import { addressBlock } from '../src/limits/address.ts'
import {
  byToken,
  type GatewayUnderTest,
  PASSWORD,
  startGatewayUnderTest,
  startTestService,
  type TestService,
} from './harness.ts'

let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.stop())

describe.each(['memory', 'postgres'])('limits, counted in %s', (store) => {
  let gateway: GatewayUnderTest
  beforeAll(async () => {
    gateway = await startGatewayUnderTest({
      GROUPS_URL: service.url,
      RATE_LIMIT_STORE: store,
      RATE_LIMIT_USER: '5',
      RATE_LIMIT_KEY: '4',
      RATE_LIMIT_SIGN_IN: '3',
      TRUST_PROXY: '1',
    })
  })
  afterAll(() => gateway.stop())

  it('hold for a user and for a key, each by itself', async () => {
    const [ana, ben] = [await gateway.signUp(), await gateway.signUp()]
    const byKey = []
    for (let i = 0; i < 5; i++) byKey.push(await ana.byKey.get('/groups'))
    expect(byKey.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429])
    expect(byKey[0]?.headers).toMatchObject({ 'ratelimit-policy': '"key";q=4;w=60', ratelimit: '"key";r=3;t=60' })
    expect(byKey[4]?.headers).toMatchObject({ ratelimit: expect.stringMatching(/^"key";r=0;t=\d+$/) })
    expect(Number(byKey[4]?.headers['retry-after'])).toBeGreaterThan(0)
    expect(byKey[4]?.body.errors[0]?.code).toBe('rate_limited')
    const byUser = []
    for (let i = 0; i < 6; i++) byUser.push((await ana.byToken.get(i % 2 ? '/groups' : '/accounts/me')).status)
    expect(byUser).toEqual([200, 200, 200, 200, 200, 429])
    expect((await ben.byToken.get('/groups')).status).toBe(200)
  })

  it('slow down whoever guesses a password, and count no sign-in that works', async () => {
    const ana = await gateway.signUp()
    const from = (address: string, password: string) =>
      gateway.nobody.post('/auth/token', { email: ana.email, password }, { 'x-forwarded-for': `9.9.9.9, ${address}` })
    for (let i = 0; i < 5; i++) expect((await from('10.0.0.1', PASSWORD)).status).toBe(200)
    const guesses = []
    for (let i = 0; i < 4; i++) guesses.push((await from('10.0.0.2', 'a wrong one')).status)
    expect(guesses).toEqual([401, 401, 401, 429])
    expect((await from('10.0.0.2', PASSWORD)).status).toBe(429)
    expect((await from('10.0.0.3', PASSWORD)).status).toBe(200)
  })
})

describe('other limits', () => {
  it('hold for an address before a credential is looked at, but not for health', async () => {
    const gateway = await startGatewayUnderTest({ RATE_LIMIT_ADDRESS: '3' })
    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push((await gateway.nobody.get('/groups')).status)
    expect(statuses).toEqual([404, 404, 404, 429])
    expect((await gateway.nobody.get('/healthz')).status).toBe(200)
    await gateway.stop()
  })

  it('hold for signing up', async () => {
    const gateway = await startGatewayUnderTest({ RATE_LIMIT_SIGN_UP: '2' })
    const statuses = []
    for (let i = 0; i < 3; i++) {
      const body = { email: `${randomUUID()}@example.com`, password: PASSWORD }
      statuses.push((await gateway.nobody.post('/accounts', body)).status)
    }
    expect(statuses).toEqual([201, 201, 429])
    await gateway.stop()
  })

  it('are strict in production, and count networks of IPv6 as one', () => {
    const secret = 'x'.repeat(40)
    const env = {
      NODE_ENV: 'production',
      DATABASE_URL: 'postgres://x',
      ASSERTION_SECRET: secret,
      KEY_ENCRYPTION_SECRET: secret,
    }
    expect(loadConfig(env).limits).toMatchObject({ signIn: 10, signUp: 20, user: 600 })
    expect(() => loadConfig({ NODE_ENV: 'production', DATABASE_URL: 'postgres://x' })).toThrow(
      'In production these secrets must be given: ASSERTION_SECRET, KEY_ENCRYPTION_SECRET.',
    )
    expect(['10.0.0.1', '::ffff:10.0.0.1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', '::1'].map(addressBlock)).toEqual(
      ['10.0.0.1', '10.0.0.1', '2001:db8:1:2::/64', '2001:db8:1:2::/64', '0:0:0:0::/64'],
    )
  })
})

describe('documentation', () => {
  let gateway: GatewayUnderTest
  beforeAll(async () => {
    gateway = await startGatewayUnderTest({ GROUPS_URL: service.url, CORS_ORIGINS: 'https://app.example.com' })
  })
  afterAll(() => gateway.stop())

  it('is there without the internet, and for events, too', async () => {
    const document = await gateway.nobody.get<{ openapi: string; paths: object; components: object }>('/openapi.json')
    expect(document.body.openapi).toBe('3.1.0')
    expect(Object.keys(document.body.paths)).toEqual(
      expect.arrayContaining(['/accounts', '/auth/token', '/api-keys/{id}/rotate']),
    )
    const refs = [...JSON.stringify(document.body).matchAll(/"#\/([^"]+)"/g)].map(([, ref = '']) => ref)
    for (const ref of new Set(refs)) {
      const found = ref.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], document.body)
      expect([ref, typeof found]).toEqual([ref, 'object'])
    }
    for (const path of ['/docs', '/docs/start.js', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js']) {
      expect((await gateway.nobody.get(path)).status).toBe(200)
    }
    const page = await gateway.nobody.get<string>('/docs')
    expect(page.headers['content-security-policy']).toContain("script-src 'self'")
    expect(page.body).not.toMatch(/https?:/)
    const events = await gateway.nobody.get<string>('/asyncapi.yaml')
    expect(JSON.stringify(parse(events.body))).toContain('accounts.account')
  })

  it('lets pages of the origins that are named read answers, and no others', async () => {
    const ask = async (origin: string, method: 'GET' | 'OPTIONS') => {
      const preflight = { origin, 'access-control-request-method': 'POST' }
      const answer = await request(`${gateway.url}/groups`, {
        method,
        headers: method === 'GET' ? { origin } : preflight,
      })
      await answer.body.dump()
      return answer
    }
    const allowed = await ask('https://app.example.com', 'OPTIONS')
    expect(allowed.statusCode).toBe(204)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-headers': expect.stringContaining('Authorization'),
      vary: 'Origin',
    })
    const refusedRead = await ask('https://app.example.com', 'GET')
    expect(refusedRead.statusCode).toBe(401)
    expect(refusedRead.headers['access-control-expose-headers']).toContain('RateLimit')
    const ana = await gateway.signUp()
    const read = await ana.byToken.get('/groups', { origin: 'https://app.example.com' })
    expect(read.status).toBe(200)
    expect(read.headers).toMatchObject({ 'access-control-allow-origin': 'https://app.example.com', vary: 'Origin' })
    expect((await ask('https://evil.example', 'OPTIONS')).headers).not.toHaveProperty('access-control-allow-origin')
    expect((await ask('https://evil.example', 'GET')).headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('has metrics on a port of their own only', async () => {
    expect((await gateway.nobody.get('/metrics')).status).toBe(404)
    const { statusCode, body } = await request(`${gateway.privateUrl}/metrics`)
    expect([statusCode, await body.text()]).toEqual([200, expect.stringContaining('http_request_duration_seconds')])
  })
})

describe('tokens of other issuers', () => {
  const audience = 'api'
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = [
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256', use: 'sig' },
    { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec', alg: 'ES256', use: 'sig' },
  ]
  const jwks = createServer((_req, res) => void res.end(JSON.stringify({ keys })))
  let issuer = ''
  let gateway: GatewayUnderTest
  beforeAll(async () => {
    await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve))
    issuer = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}`
    const common = { audience, algorithms: ['RS256'] }
    const issuers = [
      { ...common, issuer, jwksUri: issuer },
      { ...common, issuer: 'https://users.example', jwksUri: issuer, roles: ['user'], rolesClaim: 'groups' },
      { ...common, issuer: 'https://away.example', jwksUri: 'http://127.0.0.1:9/' },
    ]
    gateway = await startGatewayUnderTest({ GROUPS_URL: service.url, JWT_ISSUERS: JSON.stringify(issuers) })
  })
  afterAll(async () => {
    await gateway.stop()
    await new Promise((resolve) => jwks.close(resolve))
  })

  const sign = (claims: object, options: jwt.SignOptions = {}) =>
    jwt.sign({ sub: randomUUID(), ...claims }, rsa.privateKey, {
      algorithm: 'RS256',
      keyid: 'rsa',
      issuer,
      audience,
      expiresIn: 600,
      ...options,
    })
  const tried = async (token: string) => (await byToken(gateway.url, token).get('/groups')).status
  const rolesOf = async (token: string) => {
    expect(await tried(token)).toBe(200)
    const assertion = String(service.seen.at(-1)?.headers['x-gateway-assertion'])
    return JSON.parse(Buffer.from(assertion.split('.')[0] ?? '', 'base64url').toString()).roles
  }

  it('give their user and the roles that their issuer may give', async () => {
    expect(await rolesOf(sign({}))).toEqual(['user'])
    expect(await rolesOf(sign({ roles: ['moderator', 'emperor'] }))).toEqual(['user', 'moderator'])
    expect(await rolesOf(sign({ roles: 'admin' }))).toEqual(['user'])
    expect(await rolesOf(sign({ groups: ['admin'], roles: ['admin'] }, { issuer: 'https://users.example' }))).toEqual([
      'user',
    ])
  })

  it('are refused unless everything about them is right', async () => {
    const now = Math.floor(Date.now() / 1_000)
    const endless = jwt.sign({ sub: randomUUID(), iss: issuer, aud: audience }, rsa.privateKey, {
      algorithm: 'RS256',
      keyid: 'rsa',
    })
    const refused: Record<string, string> = {
      'no UUID': sign({ sub: 'ana' }),
      'another issuer': sign({}, { issuer: 'https://evil.example' }),
      'another audience': sign({}, { audience: 'other' }),
      expired: sign({}, { expiresIn: -60 }),
      'not yet valid': sign({ nbf: now + 300 }),
      'without an end': endless,
      'an unknown key': sign({}, { keyid: 'other' }),
      'an algorithm that is not on the list': jwt.sign({ sub: randomUUID() }, ec.privateKey, {
        algorithm: 'ES256',
        keyid: 'ec',
        issuer,
        audience,
        expiresIn: 600,
      }),
      'a stranger': jwt.sign({ sub: randomUUID() }, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, {
        algorithm: 'RS256',
        keyid: 'rsa',
        issuer,
        audience,
        expiresIn: 600,
      }),
    }
    for (const [what, token] of Object.entries(refused)) expect([what, await tried(token)]).toEqual([what, 401])
  })

  it('wait for keys that cannot be had, and have no account here', async () => {
    expect(await tried(sign({}, { issuer: 'https://away.example' }))).toBe(503)
    expect((await byToken(gateway.url, sign({})).get('/accounts/me')).status).toBe(404)
    expect((await byToken(gateway.url, sign({ roles: ['admin'] })).post('/api-keys', { name: 'x' })).status).toBe(404)
  })

  it('refuse settings that would let secrets be keys', () => {
    const env = { DATABASE_URL: 'postgres://x' }
    const bad = JSON.stringify([{ issuer, jwksUri: issuer, audience, algorithms: ['HS256'] }])
    expect(() => loadConfig({ ...env, JWT_ISSUERS: bad })).toThrow('JWT_ISSUERS cannot be used')
    expect(() => loadConfig({ ...env, JWT_ISSUERS: '{' })).toThrow('JWT_ISSUERS cannot be used: it is not valid JSON.')
  })
})
