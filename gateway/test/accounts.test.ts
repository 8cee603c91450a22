import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { byKey, type GatewayUnderTest, PASSWORD, startGatewayUnderTest, withDb } from './harness.ts'

let gateway: GatewayUnderTest
beforeAll(async () => {
  gateway = await startGatewayUnderTest()
})
afterAll(() => gateway.stop())

const address = () => `${randomUUID()}@example.com`

interface NewAccount {
  id: string
  email: string
  timezone: string
  apiKey: string
}

async function eventsOf(id: string) {
  return withDb(gateway.database, async (db) => {
    const rows = await db.selectFrom('outbox').select('event').where('key', '=', id).orderBy('id').execute()
    return rows.map(({ event }) => JSON.parse(event))
  })
}

describe('POST /accounts', () => {
  it('makes an account whose key works at once, and tells nobody else what is secret', async () => {
    const email = `Ana.${address()}`
    const answer = await gateway.nobody.post<NewAccount>('/accounts', {
      email,
      password: PASSWORD,
      timezone: 'Europe/Oslo',
    })
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
})
void eventsOf
