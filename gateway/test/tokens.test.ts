import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { eventually } from '@platform/testing/eventually.ts'
import jwt from 'jsonwebtoken'
import { gatewaySeal } from '../src/tokens/seals.ts'
import { rotateSigningKey } from '../src/tokens/signing-keys.ts'
import {
  byToken,
  type GatewayUnderTest,
  type Member,
  PASSWORD,
  startGatewayUnderTest,
  type Tokens,
  withDb,
} from './harness.ts'

let gateway: GatewayUnderTest
beforeAll(async () => {
  gateway = await startGatewayUnderTest()
})
afterAll(() => gateway.stop())

const me = async (token: string, url = gateway.url) => (await byToken(url, token).get('/accounts/me')).status
const refresh = (refreshToken: string, headers?: Record<string, string>) =>
  gateway.nobody.post<Tokens>('/auth/refresh', { refreshToken }, headers)

describe('POST /auth/token', () => {
  it('gives tokens that work, and must not be stored', async () => {
    const ana = await gateway.signUp()
    const answer = await gateway.nobody.post<Tokens>('/auth/token', {
      email: ana.email.toUpperCase(),
      password: PASSWORD,
    })
    expect(answer.status).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.body).toEqual({
      accessToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: expect.stringMatching(/^rt_/),
    })
    expect(jwt.decode(answer.body.accessToken, { complete: true })).toMatchObject({
      header: { alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) },
      payload: {
        iss: 'http://127.0.0.1:8080',
        aud: 'platform',
        sub: ana.id,
        roles: ['user'],
        sid: expect.any(String),
        jti: expect.any(String),
        exp: expect.any(Number),
        nbf: expect.any(Number),
      },
    })
    expect(await me(answer.body.accessToken)).toBe(200)
  })

  it('answers the same to a wrong password and to an unknown address', async () => {
    const ana = await gateway.signUp()
    const wrong = await gateway.nobody.post('/auth/token', { email: ana.email, password: 'not the password' })
    const unknown = await gateway.nobody.post('/auth/token', { email: 'nobody@example.com', password: PASSWORD })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(wrong.body.errors[0]?.message).toBe(unknown.body.errors[0]?.message)
    expect(wrong.headers['www-authenticate']).toBe(unknown.headers['www-authenticate'])
  })

  it.each([{}, { email: 'a@b.cd' }, { email: 1, password: [] }, { email: 'a@b.cd', password: '' }])(
    'refuses %j',
    async (body) => expect((await gateway.nobody.post('/auth/token', body)).status).toBe(400),
  )
})

describe('POST /auth/refresh', () => {
  it('rotates: the new tokens work, and so does the old access token until it expires', async () => {
    const ana = await gateway.signUp()
    const renewed = await refresh(ana.refreshToken)
    expect(renewed.status).toBe(200)
    expect(renewed.body.refreshToken).not.toBe(ana.refreshToken)
    expect(await me(renewed.body.accessToken)).toBe(200)
    expect(await me(ana.accessToken)).toBe(200)
    expect((await refresh(renewed.body.refreshToken)).status).toBe(200)
  })

  it('ends the whole session when a token is used twice', async () => {
    const ana = await gateway.signUp()
    const renewed = await refresh(ana.refreshToken)
    expect(await me(renewed.body.accessToken)).toBe(200)
    expect((await refresh(ana.refreshToken)).status).toBe(401)
    expect((await refresh(renewed.body.refreshToken)).status).toBe(401)
    await eventually(async () => expect(await me(renewed.body.accessToken)).toBe(401))
    const other = await gateway.nobody.post<Tokens>('/auth/token', { email: ana.email, password: PASSWORD })
    expect(await me(other.body.accessToken)).toBe(200)
  })

  it('lets one of many at once have the tokens, and keeps the session', async () => {
    for (let round = 0; round < 10; round++) {
      const session = await sessionOf(await gateway.signUp())
      const answers = await session.race(8)
      const winners = answers.filter(({ status }) => status === 200)
      expect(winners).toHaveLength(1)
      // Whoever began before the winner was done is told so; a late one counts as a thief, and ends the session.
      const late = answers.filter(({ status }) => status === 401).length
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(7 - late)
      const next = await refresh(winners[0]?.body.refreshToken ?? '')
      expect(next.status).toBe(late === 0 ? 200 : 401)
    }
  })

  it('gives the same answer again to the same Idempotency-Key, for an answer that was lost', async () => {
    const ana = await gateway.signUp()
    const key = { 'idempotency-key': randomUUID() }
    const [first, again] = [await refresh(ana.refreshToken, key), await refresh(ana.refreshToken, key)]
    expect([first.status, again.status]).toEqual([200, 200])
    expect(again.body.refreshToken).toBe(first.body.refreshToken)
    expect((await refresh(first.body.refreshToken)).status).toBe(200)
    const kept = await withDb(gateway.database, (db) => db.selectFrom('idempotency_key').select('answer').execute())
    expect(JSON.stringify(kept)).not.toContain('rt_')
  })

  it('refuses unknown tokens, and those of a session that is over', async () => {
    expect((await refresh('rt_unknown')).status).toBe(401)
    const ana = await gateway.signUp()
    gateway.clock.advance(31 * 86_400_000)
    expect((await refresh(ana.refreshToken)).status).toBe(401)
  })

  async function sessionOf(member: Member) {
    return { race: (n: number) => Promise.all(Array.from({ length: n }, () => refresh(member.refreshToken))) }
  }
})

describe('POST /auth/revoke', () => {
  it('ends the session on every replica within a second, whichever of its tokens is shown', async () => {
    const replica = await gateway.replica()
    const ana = await gateway.signUp()
    const renewed = await refresh(ana.refreshToken)
    expect([await me(ana.accessToken), await me(renewed.body.accessToken, replica.url)]).toEqual([200, 200])
    expect((await gateway.nobody.post('/auth/revoke', { refreshToken: ana.refreshToken })).status).toBe(204)
    await eventually(async () => {
      expect([await me(ana.accessToken), await me(renewed.body.accessToken, replica.url)]).toEqual([401, 401])
    })
    expect((await refresh(renewed.body.refreshToken)).status).toBe(401)
  })

  it('says nothing of unknown tokens', async () => {
    expect((await gateway.nobody.post('/auth/revoke', { refreshToken: 'rt_unknown' })).status).toBe(204)
  })
})

describe('access tokens', () => {
  it('expire', async () => {
    const ana = await gateway.signUp()
    expect(await me(ana.accessToken)).toBe(200)
    gateway.clock.advance(899_000)
    expect(await me(ana.accessToken)).toBe(200)
    gateway.clock.advance(7_000)
    const answer = await ana.byToken.get('/accounts/me')
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="platform", error="invalid_token"')
  })

  it('lose a role at once when it is taken away', async () => {
    const moderator = await gateway.signUp({ role: 'moderator' })
    const { setRole } = await import('../src/accounts/first-admin.ts')
    expect((await moderator.byToken.get<{ roles: string[] }>('/accounts/me')).body.roles).toEqual(['user', 'moderator'])
    await withDb(gateway.database, (db) => setRole(db, moderator.email, 'user', gateway.clock.now()))
    const forbidden = { name: 'robot', scopes: ['moderation:write'] }
    await eventually(async () => expect((await moderator.byToken.post('/api-keys', forbidden)).status).toBe(403))
  })

  it('are refused in every forged form', async () => {
    const ana = await gateway.signUp()
    const own = jwt.decode(ana.accessToken, { complete: true })
    const claims = own?.payload as jwt.JwtPayload
    const kid = own?.header.kid ?? ''
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwks = await gateway.nobody.get<{ keys: object[] }>('/.well-known/jwks.json')
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [head = '', body = '', signature = ''] = ana.accessToken.split('.')
    const hmac = (secret: string) => {
      const text = `${part({ alg: 'HS256', kid, typ: 'JWT' })}.${part(claims)}`
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
    }
    const es256 = (header: object, more: object = {}) =>
      jwt.sign({ ...claims, ...more }, privateKey, {
        algorithm: 'ES256',
        header: { alg: 'ES256', ...header } as jwt.JwtHeader,
      })
    const forged: Record<string, string> = {
      'alg none': `${part({ alg: 'none', kid, typ: 'JWT' })}.${body}.`,
      'alg none with its signature': `${part({ alg: 'None', kid })}.${body}.${signature}`,
      'HMAC with the public key': hmac(JSON.stringify(jwks.body.keys[0])),
      'another key under our id': es256({ kid }),
      'a key of its own in the head': es256({ kid, jwk: publicKey.export({ format: 'jwk' }) }),
      'an unknown key id': es256({ kid: randomUUID() }),
      'no key id': es256({}),
      RSA: jwt.sign(claims, rsa.privateKey, { algorithm: 'RS256', keyid: kid }),
      'another body': `${head}.${part({ ...claims, roles: ['admin'] })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'an empty body': `${head}..${signature}`,
      'no JSON': `${head}.${Buffer.from('{').toString('base64url')}.${signature}`,
      'a head that is no JSON': `e30.${body}.${signature}`,
      'a critical extension': `${part({ ...own?.header, crit: ['x'] })}.${body}.${signature}`,
      rubbish: 'a.b.c',
      text: 'hello',
      'a very long one': `${head}.${'a'.repeat(9_000)}.${signature}`,
    }
    for (const [what, token] of Object.entries(forged)) expect([what, await me(token)]).toEqual([what, 401])
  })
})

describe('signing keys', () => {
  it('rotate: every replica signs with the new one and takes both, until the last old token has expired', async () => {
    const replica = await gateway.replica()
    const ana = await gateway.signUp()
    const kidOf = (token: string) => jwt.decode(token, { complete: true })?.header.kid
    const seal = gatewaySeal(DEVELOPMENT_SECRET, 'signing keys')
    const kid = await withDb(gateway.database, (db) => rotateSigningKey(db, seal, gateway.clock.now()))
    const login = { email: ana.email, password: PASSWORD }
    const renewed = await eventually(async () => {
      const answer = await gateway.nobody.post<Tokens>('/auth/token', login)
      expect(kidOf(answer.body.accessToken)).toBe(kid)
      return answer.body.accessToken
    })
    expect([await me(renewed, replica.url), await me(ana.accessToken, replica.url)]).toEqual([200, 200])
    expect(await publishedKeys()).toEqual([kid, kidOf(ana.accessToken)])
    gateway.clock.advance(17 * 60_000)
    expect(await publishedKeys()).toEqual([kid])
    const published = await gateway.nobody.get('/.well-known/jwks.json')
    expect(JSON.stringify(published.body)).not.toContain('"d"')
    const kept = await withDb(gateway.database, (db) => db.selectFrom('signing_key').selectAll().execute())
    expect(JSON.stringify(kept)).not.toContain('PRIVATE KEY')
  })

  const publishedKeys = async () => {
    const answer = await gateway.nobody.get<{ keys: { kid: string }[] }>('/.well-known/jwks.json')
    return answer.body.keys.map(({ kid }) => kid)
  }
})
