import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { Assertions } from '@platform/http/assertion.ts'
import type { Client } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { newKey, readKeyId } from '../src/api-keys/key-format.ts'
import type { RunningGateway } from '../src/gateway.ts'
import {
  byKey,
  type GatewayUnderTest,
  startGatewayUnderTest,
  startTestService,
  type TestService,
  withDb,
} from './harness.ts'

let gateway: GatewayUnderTest
let replica: RunningGateway
let groups: TestService
beforeAll(async () => {
  groups = await startTestService()
  gateway = await startGatewayUnderTest({ GROUPS_URL: groups.url })
  replica = await gateway.replica()
})
afterAll(async () => {
  await gateway.stop()
  await groups.stop()
})

interface Key {
  id: string
  name: string
  prefix: string
  scopes: string[] | null
  expiresAt: string | null
  lastUsedAt: string | null
  previousKeyUntil: string | null
  key: string
}

const HOUR = 3_600_000
const create = (who: Client, body: object, headers?: Record<string, string>) =>
  who.post<Key>('/api-keys', body, headers)
/** The statuses of the key on both replicas. */
const tried = async (key: string) => {
  const answers = [gateway.url, replica.url].map(async (url) => (await byKey(url, key).get('/groups')).status)
  return Promise.all(answers)
}
const soon = (key: string, statuses: number[]) => eventually(async () => expect(await tried(key)).toEqual(statuses))

/** What services are told of the key's owner. */
async function callerOf(key: string) {
  const requestId = randomUUID()
  expect((await byKey(gateway.url, key).get('/groups', { 'x-request-id': requestId })).status).toBe(200)
  const seen = groups.seen.find(({ headers }) => headers['x-request-id'] === requestId)
  const request = { method: 'GET', path: '/groups', requestId }
  const assertion = String(seen?.headers['x-gateway-assertion'])
  const verified = new Assertions(DEVELOPMENT_SECRET).verify(assertion, request, 'gateway')
  if (!verified) return undefined
  const { vouchedAt: _, ...caller } = verified
  return caller
}

describe('the key itself', () => {
  it('carries a checksum that tells every typing error of one letter', () => {
    const key = newKey('abcdefABCDEF')
    expect(readKeyId(key)).toBe('abcdefABCDEF')
    for (let at = 0; at < key.length; at++) {
      const wrong = `${key.slice(0, at)}${key[at] === 'x' ? 'y' : 'x'}${key.slice(at + 1)}`
      expect(readKeyId(wrong)).toBeUndefined()
    }
    for (const other of ['', 'pk_', key.slice(1), `${key}a`, `${key} `, key.toUpperCase()]) {
      expect(readKeyId(other)).toBeUndefined()
    }
  })

  it('is refused when it is well-formed but unknown, or has the id of another', async () => {
    const ana = await gateway.signUp()
    const id = readKeyId(ana.apiKey) ?? ''
    expect(await tried(newKey(id))).toEqual([401, 401])
    expect(await tried(newKey('000000000000'))).toEqual([401, 401])
    expect(await tried(`${ana.apiKey.slice(0, -1)}!`)).toEqual([401, 401])
  })
})

describe('/api-keys', () => {
  it('makes, shows and revokes keys', async () => {
    const ana = await gateway.signUp()
    const made = await create(ana.byToken, { name: 'phone', scopes: ['groups:read'] })
    expect(made.status).toBe(201)
    expect(made.headers['cache-control']).toBe('no-store')
    const { key, ...shown } = made.body
    expect(key.startsWith(`${shown.prefix}_`)).toBe(true)
    const list = await ana.byToken.get<{ data: Key[]; count: number }>('/api-keys')
    expect(list.body.count).toBe(2)
    expect(list.body.data.map(({ name }) => name)).toEqual(['default', 'phone'])
    expect(list.body.data[1]).toEqual(shown)
    expect(await tried(key)).toEqual([200, 200])
    expect((await ana.byToken.delete(`/api-keys/${shown.id}`)).status).toBe(204)
    await soon(key, [401, 401])
    expect((await ana.byToken.delete(`/api-keys/${shown.id}`)).status).toBe(404)
  })

  it('may be made with a key, also by the query, and repeats the answer for an Idempotency-Key', async () => {
    const ana = await gateway.signUp()
    const headers = { 'idempotency-key': 'once' }
    const first = await gateway.nobody.post<Key>(`/api-keys?apikey=${ana.apiKey}`, { name: 'x' }, headers)
    const again = await gateway.nobody.post<Key>(`/api-keys?apikey=${ana.apiKey}`, { name: 'x' }, headers)
    expect([first.status, again.status, again.body.key]).toEqual([201, 201, first.body.key])
    expect((await create(ana.byToken, { name: 'y' }, headers)).status).toBe(409)
    expect((await ana.byToken.get<{ count: number }>('/api-keys')).body.count).toBe(2)
  })

  it.each([
    [{}],
    [{ name: '' }],
    [{ name: ' ' }],
    [{ name: 'x'.repeat(101) }],
    [{ name: 'x', scopes: [] }],
    [{ name: 'x', scopes: ['everything'] }],
    [{ name: 'x', scopes: ['groups:read', 'groups:read'] }],
    [{ name: 'x', expiresAt: 'tomorrow' }],
    [{ name: 'x', expiresAt: '2020-01-01T00:00:00Z' }],
  ])('refuses %j', async (body) => {
    const ana = await gateway.signUp()
    expect((await create(ana.byToken, body)).status).toBe(400)
  })

  it("does not reach somebody else's keys", async () => {
    const [ana, ben] = [await gateway.signUp(), await gateway.signUp()]
    const { id, key } = (await create(ana.byToken, { name: 'hers' })).body
    expect((await ben.byToken.delete(`/api-keys/${id}`)).status).toBe(404)
    expect((await ben.byToken.post(`/api-keys/${id}/rotate`, {})).status).toBe(404)
    expect((await ben.byToken.delete('/api-keys/nope')).status).toBe(400)
    expect(await tried(key)).toEqual([200, 200])
    for (const answer of [
      await gateway.nobody.get('/api-keys'),
      await gateway.nobody.post('/api-keys', { name: 'x' }),
      await gateway.nobody.post(`/api-keys/${id}/rotate`, {}),
      await gateway.nobody.delete(`/api-keys/${id}`),
    ]) {
      expect(answer.status).toBe(401)
    }
  })

  it('ends at a hundred keys', async () => {
    const ana = await gateway.signUp()
    const answers = await Promise.all(Array.from({ length: 104 }, () => create(ana.byToken, { name: 'x' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(99)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(5)
  })

  it('notes when a key was last used', async () => {
    const ana = await gateway.signUp()
    const { id, key } = (await create(ana.byToken, { name: 'x' })).body
    const other = await gateway.replica()
    await byKey(other.url, key).get('/groups')
    await other.stop()
    const list = await ana.byToken.get<{ data: Key[] }>('/api-keys')
    expect(list.body.data.find((each) => each.id === id)?.lastUsedAt).toEqual(expect.any(String))
  })
})

describe('rotation', () => {
  it('ends the old key at once on every replica, unless it is given a grace', async () => {
    const ana = await gateway.signUp()
    const { id, key } = (await create(ana.byToken, { name: 'x', scopes: ['groups:read'] })).body
    expect(await tried(key)).toEqual([200, 200])
    const rotated = await ana.byToken.post<Key>(`/api-keys/${id}/rotate`, {})
    expect(rotated.body).toMatchObject({ id, name: 'x', scopes: ['groups:read'], previousKeyUntil: null })
    await soon(key, [401, 401])
    expect(await tried(rotated.body.key)).toEqual([200, 200])
  })

  it('lets the old key live on for its grace, and no longer', async () => {
    const ana = await gateway.signUp()
    const { id, key } = (await create(ana.byToken, { name: 'x' })).body
    const first = await ana.byToken.post<Key>(`/api-keys/${id}/rotate`, { graceHours: 2 })
    expect([await tried(key), await tried(first.body.key)]).toEqual([
      [200, 200],
      [200, 200],
    ])
    gateway.clock.advance(1.9 * HOUR)
    expect(await tried(key)).toEqual([200, 200])
    gateway.clock.advance(0.2 * HOUR)
    expect(await tried(key)).toEqual([401, 401])
    expect(await tried(first.body.key)).toEqual([200, 200])
  })

  it('has one old key at most', async () => {
    const ana = await gateway.signUp()
    const { id, key } = (await create(ana.byToken, { name: 'x' })).body
    const first = (await ana.byToken.post<Key>(`/api-keys/${id}/rotate`, { graceHours: 24 })).body.key
    const second = (await ana.byToken.post<Key>(`/api-keys/${id}/rotate`, { graceHours: 24 })).body.key
    await soon(key, [401, 401])
    expect([await tried(first), await tried(second)]).toEqual([
      [200, 200],
      [200, 200],
    ])
  })

  it.each([{ graceHours: -1 }, { graceHours: 25 }, { graceHours: '2' }])('refuses %j', async (body) => {
    const ana = await gateway.signUp()
    const { id } = (await create(ana.byToken, { name: 'x' })).body
    expect((await ana.byToken.post(`/api-keys/${id}/rotate`, body)).status).toBe(400)
  })
})

describe('expiry', () => {
  it('ends a key at its time, also where it is remembered', async () => {
    const ana = await gateway.signUp()
    const expiresAt = new Date(gateway.clock.now().getTime() + HOUR).toISOString()
    const { key } = (await create(ana.byToken, { name: 'x', expiresAt })).body
    expect(await tried(key)).toEqual([200, 200])
    gateway.clock.advance(HOUR)
    expect(await tried(key)).toEqual([401, 401])
  })
})

describe('scopes', () => {
  it('make of a key what they say', async () => {
    const admin = await gateway.signUp({ role: 'admin' })
    const keyOf = async (scopes?: string[]) => (await create(admin.byToken, { name: 'x', scopes })).body.key
    expect(await callerOf(await keyOf())).toEqual({ userId: admin.id, roles: ['user', 'admin'] })
    expect(await callerOf(await keyOf(['groups:read']))).toEqual({
      userId: admin.id,
      roles: ['user'],
      scopes: ['groups:read'],
    })
    for (const scope of ['moderation:write', 'moments:write']) {
      expect(await callerOf(await keyOf([scope]))).toEqual({
        userId: admin.id,
        roles: ['user', 'service'],
        scopes: [scope],
      })
    }
  })

  it.each([
    [undefined, 'moderation:write', 403],
    [undefined, 'moments:write', 403],
    ['moderator', 'moderation:write', 201],
    ['moderator', 'moments:write', 403],
    ['admin', 'moderation:write', 201],
    ['admin', 'moments:write', 201],
  ] as const)('an account that is %s and asks for %s gets %i', async (role, scope, status) => {
    const member = await gateway.signUp({ role })
    expect((await create(member.byToken, { name: 'robot', scopes: ['groups:read', scope] })).status).toBe(status)
  })

  it('are lost with the role that gave them', async () => {
    const moderator = await gateway.signUp({ role: 'moderator' })
    const { key } = (await create(moderator.byToken, { name: 'x', scopes: ['moderation:write'] })).body
    expect((await callerOf(key))?.roles).toEqual(['user', 'service'])
    const { setRole } = await import('../src/accounts/first-admin.ts')
    await withDb(gateway.database, (db) => setRole(db, moderator.email, 'user', gateway.clock.now()))
    await eventually(async () => {
      expect(await callerOf(key)).toEqual({ userId: moderator.id, roles: ['user'], scopes: [] })
    })
  })

  it('hold for the gateway itself', async () => {
    const ana = await gateway.signUp()
    const { key } = (await create(ana.byToken, { name: 'x', scopes: ['groups:read'] })).body
    const { key: reader } = (await create(ana.byToken, { name: 'x', scopes: ['account:read'] })).body
    expect((await byKey(gateway.url, key).get('/accounts/me')).status).toBe(403)
    expect((await byKey(gateway.url, reader).get('/accounts/me')).status).toBe(200)
    expect((await byKey(gateway.url, reader).patch('/accounts/me', {})).status).toBe(403)
    expect((await byKey(gateway.url, reader).post('/api-keys', { name: 'x' })).status).toBe(403)
    expect((await byKey(gateway.url, reader).delete('/accounts/me')).status).toBe(403)
  })

  it('never widen: a key gives no more, and for no longer, than the credential that made or renewed it', async () => {
    const ana = await gateway.signUp()
    const expiresAt = new Date(gateway.clock.now().getTime() + HOUR).toISOString()
    const scopes = ['account:write', 'account:read', 'groups:read']
    const narrow = byKey(gateway.url, (await create(ana.byToken, { name: 'x', scopes })).body.key)
    expect((await create(narrow, { name: 'y' })).status).toBe(403)
    expect((await create(narrow, { name: 'y', scopes: ['groups:write'] })).status).toBe(403)
    expect((await create(narrow, { name: 'y', scopes: ['groups:read'] })).status).toBe(201)
    const wide = (await create(ana.byToken, { name: 'wide' })).body
    expect((await narrow.post(`/api-keys/${wide.id}/rotate`, {})).status).toBe(403)
    expect(await tried(wide.key)).toEqual([200, 200])
    const short = byKey(gateway.url, (await create(ana.byToken, { name: 'short', expiresAt })).body.key)
    const later = new Date(gateway.clock.now().getTime() + 2 * HOUR).toISOString()
    expect((await create(short, { name: 'y', expiresAt: later })).status).toBe(403)
    expect((await create(short, { name: 'y' })).body.expiresAt).toBe(expiresAt)
    expect((await short.post(`/api-keys/${wide.id}/rotate`, {})).status).toBe(403)
  })
})
