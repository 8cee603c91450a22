import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { Assertions } from '@platform/http/assertion.ts'
import { ServiceClient } from '@platform/http/client.ts'
import { createLogger } from '@platform/log/logger.ts'
import { Client } from '@platform/testing/client.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { type GatewayUnderTest, type Member, startGatewayUnderTest } from './harness.ts'

let gateway: GatewayUnderTest
let ana: Member
let service: ServiceCaller
beforeAll(async () => {
  gateway = await startGatewayUnderTest()
  ana = await gateway.signUp({ timezone: 'Europe/Oslo' })
  service = new ServiceCaller(gateway.privateUrl, DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
})
afterAll(() => gateway.stop())

const pathOf = (id: string) => `/internal/accounts/${id}`

describe('GET /internal/accounts/{accountId}', () => {
  it("answers an account's newest state and its version", async () => {
    expect(await service.get(pathOf(ana.id))).toMatchObject({
      status: 200,
      body: {
        version: 1,
        state: {
          id: ana.id,
          timezone: 'Europe/Oslo',
          createdAt: expect.any(String),
          updatedAt: expect.any(String),
        },
      },
    })
    expect(JSON.stringify(await service.get(pathOf(ana.id)))).not.toContain(ana.email)
    expect((await ana.byToken.patch('/accounts/me', { timezone: 'Asia/Tokyo' })).status).toBe(200)
    const changed = await service.get<{ version: number; state: { timezone: string } }>(pathOf(ana.id))
    expect([changed.body.version, changed.body.state.timezone]).toEqual([2, 'Asia/Tokyo'])
  })

  it('is 404 for an unknown account, and for a deleted one', async () => {
    const ben = await gateway.signUp()
    expect((await service.get(pathOf(ben.id))).status).toBe(200)
    const deletion = await ben.byToken.delete('/accounts/me?force=true')
    expect(deletion.status).toBe(204)
    for (const id of [randomUUID(), ben.id]) {
      const answer = await service.get(pathOf(id))
      expect([answer.status, answer.body.errors[0]?.code]).toEqual([404, 'not_found'])
    }
  })

  it('is what a service gets through its client', async () => {
    const assertions = new Assertions(DEVELOPMENT_SECRET)
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    const client = new ServiceClient({ service: 'gateway', baseUrl: gateway.privateUrl, assertions, log })
    try {
      expect(await client.get(pathOf(ana.id))).toMatchObject({ state: { id: ana.id } })
      expect(await client.get(pathOf(randomUUID()))).toBeUndefined()
    } finally {
      await client.close()
    }
  })
})

describe('the private listener', () => {
  it('refuses internal routes without an assertion by a service', async () => {
    const anonymous = new Client(gateway.privateUrl)
    const byGateway = new ServiceCaller(gateway.privateUrl, DEVELOPMENT_SECRET, { id: ana.id, roles: ['admin'] })
    const byStranger = new ServiceCaller(gateway.privateUrl, 'x'.repeat(32), {}, { issuer: 'internal' })
    for (const caller of [anonymous, byGateway, byStranger]) {
      expect((await caller.get(pathOf(ana.id))).status).toBe(401)
    }
    const credential = ana.byToken.credential()
    expect((await anonymous.get(pathOf(ana.id), credential)).status).toBe(401)
    expect((await anonymous.get('/internal/anything')).status).toBe(401)
    expect((await service.get('/internal/anything')).status).toBe(404)
  })

  it('serves metrics without an assertion', async () => {
    const answer = await new Client(gateway.privateUrl).get<string>('/metrics')
    expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('process_cpu')])
  })

  it('is the only one that serves internal routes', async () => {
    const outside = new ServiceCaller(gateway.url, DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
    expect((await outside.get(pathOf(ana.id))).status).toBe(404)
    expect((await ana.byToken.get(pathOf(ana.id))).status).toBe(404)
    const document = await gateway.nobody.get<{ paths: object }>('/openapi.json')
    expect(Object.keys(document.body.paths).filter((path) => path.startsWith('/internal'))).toEqual([])
  })
})
