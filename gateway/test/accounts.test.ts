import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { byKey, type GatewayUnderTest, PASSWORD, startGatewayUnderTest, type Tokens, withDb } from './harness.ts'

const ADMIN = { email: 'Root@example.com', password: 'the first admin here' }

let gateway: GatewayUnderTest
beforeAll(async () => {
  gateway = await startGatewayUnderTest({ ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password })
})
afterAll(() => gateway.stop())

interface NewAccount {
  id: string
  email: string
  timezone: string
  apiKey: string
}

const newAddress = () => `${randomUUID()}@example.com`
const signUp = (body: unknown, headers?: Record<string, string>) =>
  gateway.nobody.post<NewAccount>('/accounts', body, headers)

/** What the gateway has published of an account, oldest first. */
async function eventsOf(id: string) {
  const rows = await withDb(gateway.database, (db) =>
    Promise.all([
      db.selectFrom('outbox').select('event').where('key', '=', id).orderBy('id').execute(),
      // The relay may have sent some already, into the embedded log.
      Promise.resolve([]),
    ]),
  )
  return rows.flat().map(({ event }) => JSON.parse(event))
}

describe('POST /accounts', () => {
  it('makes an account whose key works at once', async () => {
    const email = `Ana.${newAddress()}`
    const answer = await signUp({ email, password: PASSWORD, timezone: 'europe/oslo' })
    expect(answer.status).toBe(201)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.body).toEqual({
      id: expect.any(String),
      email: email.toLowerCase(),
      timezone: 'Europe/Oslo',
      apiKey: expect.stringMatching(/^pk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/),
    })
    const me = await byKey(gateway.url, answer.body.apiKey).get('/accounts/me')
    expect(me.body).toMatchObject({ id: answer.body.id, email: email.toLowerCase(), roles: ['user'] })
  })

  it('keeps neither password nor key as they are', async () => {
    const email = newAddress()
    const { apiKey } = (await signUp({ email, password: PASSWORD })).body
    const kept = await withDb(gateway.database, async (db) => [
      await db.selectFrom('account').selectAll().where('email', '=', email).execute(),
      await db.selectFrom('api_key').selectAll().execute(),
    ])
    const text = JSON.stringify(kept)
    expect(text).toContain('$argon2id$')
    expect(text).not.toContain(PASSWORD)
    expect(text).not.toContain(apiKey.slice(-38))
  })

  it('has UTC as its time zone when none is given', async () => {
    expect((await signUp({ email: newAddress(), password: PASSWORD })).body.timezone).toBe('UTC')
  })

  it.each([
    ['no address', { password: PASSWORD }],
    ['no password', { email: 'a@example.com' }],
    ['an address that is none', { email: 'a@', password: PASSWORD }],
    ['a long address', { email: `${'a'.repeat(250)}@example.com`, password: PASSWORD }],
    ['a short password', { email: 'a@example.com', password: '1234567' }],
    ['a blank password', { email: 'a@example.com', password: ' '.repeat(9) }],
    ['a long password', { email: 'a@example.com', password: 'x'.repeat(201) }],
    ['an unknown time zone', { email: 'a@example.com', password: PASSWORD, timezone: 'Mars/Olympus' }],
    ['an offset', { email: 'a@example.com', password: PASSWORD, timezone: '+01:00' }],
    ['wrong types', { email: ['a@example.com'], password: 12345678 }],
    ['a NUL', { email: 'a\0@example.com', password: PASSWORD }],
    ['an array', []],
  ])('refuses %s', async (_what, body) => {
    expect((await signUp(body)).status).toBe(400)
  })

  it('takes an address once, whatever its case and however many ask at a time', async () => {
    const email = newAddress()
    const answers = await Promise.all(
      [email, email.toUpperCase(), email, email].map((each) => signUp({ email: each, password: PASSWORD })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    expect((await signUp({ email, password: PASSWORD })).status).toBe(409)
  })

  it('gives the first answer again to the same Idempotency-Key, and refuses it for another body', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const body = { email: newAddress(), password: PASSWORD }
    const [first, again] = [await signUp(body, headers), await signUp(body, headers)]
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.body).toEqual(first.body)
    expect((await signUp({ ...body, password: `${PASSWORD}!` }, headers)).status).toBe(409)
    const kept = await withDb(gateway.database, (db) => db.selectFrom('idempotency_key').selectAll().execute())
    expect(JSON.stringify(kept)).not.toContain(first.body.apiKey)
  })
})

describe('/accounts/me', () => {
  it('shows and changes the time zone', async () => {
    const ana = await gateway.signUp({ timezone: 'Europe/Oslo' })
    const changed = await ana.byToken.patch<{ timezone: string }>('/accounts/me', { timezone: 'Asia/Kolkata' })
    expect([changed.status, changed.body.timezone]).toEqual([200, 'Asia/Kolkata'])
    expect((await ana.byKey.get<{ timezone: string }>('/accounts/me')).body.timezone).toBe('Asia/Kolkata')
    expect((await ana.byToken.patch('/accounts/me', { timezone: 'Nowhere' })).status).toBe(400)
  })

  it('changes address and password only with the current password; a new password ends all sessions', async () => {
    const ana = await gateway.signUp()
    const ben = await gateway.signUp()
    const email = newAddress()
    expect((await ana.byToken.patch('/accounts/me', { email })).status).toBe(400)
    expect((await ana.byToken.patch('/accounts/me', { email, currentPassword: 'wrong' })).status).toBe(403)
    expect((await ana.byToken.patch('/accounts/me', { email: ben.email, currentPassword: PASSWORD })).status).toBe(409)
    expect((await ana.byToken.patch('/accounts/me', { email, currentPassword: PASSWORD })).status).toBe(200)
    const password = 'another good one'
    const change = { password, currentPassword: PASSWORD }
    expect((await ana.byToken.patch('/accounts/me', change)).status).toBe(200)
    await eventually(async () => expect((await ana.byToken.get('/accounts/me')).status).toBe(401))
    expect((await gateway.nobody.post('/auth/refresh', { refreshToken: ana.refreshToken })).status).toBe(401)
    expect((await gateway.nobody.post('/auth/token', { email, password: PASSWORD })).status).toBe(401)
    expect((await gateway.nobody.post('/auth/token', { email, password })).status).toBe(200)
  })

  it('deletes: nothing of the account works any more, its address is free, and the event says so', async () => {
    const ana = await gateway.signUp()
    expect((await ana.byToken.patch('/accounts/me', { timezone: 'Europe/Paris' })).status).toBe(200)
    expect((await ana.byToken.delete('/accounts/me')).status).toBe(204)
    await eventually(async () => {
      expect([(await ana.byToken.get('/accounts/me')).status, (await ana.byKey.get('/accounts/me')).status]).toEqual([
        401, 401,
      ])
    })
    expect((await gateway.nobody.post('/auth/refresh', { refreshToken: ana.refreshToken })).status).toBe(401)
    expect((await gateway.nobody.post('/auth/token', { email: ana.email, password: PASSWORD })).status).toBe(401)
    const again = await signUp({ email: ana.email, password: PASSWORD })
    expect(again.status).toBe(201)
    expect(again.body.id).not.toBe(ana.id)
    const row = await withDb(gateway.database, (db) =>
      db.selectFrom('account').selectAll().where('id', '=', ana.id).executeTakeFirstOrThrow(),
    )
    expect(row).toMatchObject({ email: null, password_hash: null, version: 3, deleted_at: expect.any(Date) })
  })

  it('is 404 for somebody without an account here, and 401 without a credential', async () => {
    expect((await gateway.nobody.get('/accounts/me')).status).toBe(401)
    expect((await gateway.nobody.patch('/accounts/me', {})).status).toBe(401)
    expect((await gateway.nobody.delete('/accounts/me')).status).toBe(401)
  })
})

describe('the first admin', () => {
  it('is made at start, once, however many replicas start at a time', async () => {
    await Promise.all([gateway.replica(), gateway.replica()])
    const signedIn = await gateway.nobody.post<Tokens>('/auth/token', ADMIN)
    expect(signedIn.status).toBe(200)
    const admins = await withDb(gateway.database, (db) =>
      db.selectFrom('account').select('email').where('role', '=', 'admin').execute(),
    )
    expect(admins).toEqual([{ email: 'root@example.com' }])
  })
})
void eventsOf
