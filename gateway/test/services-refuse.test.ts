import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { ASSERTION_HEADER, Assertions, type Issuer, USER_ID_HEADER } from '@platform/http/assertion.ts'
import { Client } from '@platform/testing/client.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Dispatcher } from 'undici'
import type { OpenApiDocument } from './openapi-samples.ts'

/** Whoever reaches a service around the gateway gets nobody in: each service holds each request against its assertion. */

let platform: Platform
let routes: { method: Dispatcher.HttpMethod; path: string }[]
beforeAll(async () => {
  platform = await startPlatform()
  const { body } = await platform.nobody.get<OpenApiDocument>('/openapi.json')
  routes = Object.entries(body.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase() as Dispatcher.HttpMethod,
      path: path.replaceAll(/\{\w+\}/g, () => randomUUID()),
    })),
  )
  routes.push({ method: 'GET', path: `/internal/groups/${randomUUID()}` }, { method: 'GET', path: '/nowhere' })
})
afterAll(() => platform.stop())

const admin = { userId: randomUUID(), roles: ['admin' as const] }
const requestId = 'forged-1'
const ours = new Assertions(DEVELOPMENT_SECRET)

type Forge = (method: string, path: string) => Record<string, string>

/** What would get somebody in, but for the one thing that `change` spoils. */
function signed(
  change: Partial<{
    signer: Assertions
    method: string
    path: string
    requestId: string
    userId: string
    issuer: Issuer
  }>,
): Forge {
  return (method, path) => {
    const { signer = ours, userId = admin.userId, issuer = 'gateway', ...other } = change
    const request = { method, path, requestId, ...other }
    return {
      [ASSERTION_HEADER]: signer.sign(admin, request, issuer),
      [USER_ID_HEADER]: userId,
      'x-request-id': requestId,
    }
  }
}

const forgeries: [string, Forge][] = [
  ['nothing', () => ({})],
  ['only a user id', () => ({ [USER_ID_HEADER]: admin.userId })],
  ['a bearer token', () => ({ authorization: `Bearer ${platform.token({ sub: admin.userId, roles: ['admin'] })}` })],
  ['rubbish', () => ({ [ASSERTION_HEADER]: 'rubbish', [USER_ID_HEADER]: admin.userId })],
  ['an empty signature', () => ({ [ASSERTION_HEADER]: 'e30.', [USER_ID_HEADER]: admin.userId })],
  ['another secret', signed({ signer: new Assertions('another-secret-another-secret-another') })],
  [
    'an assertion that has expired',
    signed({ signer: new Assertions(DEVELOPMENT_SECRET, () => Date.now() - 3_600_000) }),
  ],
  ['an assertion for another verb', signed({ method: 'TRACE' })],
  ['an assertion for another path', signed({ path: '/elsewhere' })],
  ['an assertion for another request', signed({ requestId: 'another' })],
  ['another user id than was vouched for', signed({ userId: randomUUID() })],
  [
    'a payload that was changed',
    (method, path) => {
      const headers = signed({})(method, path)
      const [, signature] = String(headers[ASSERTION_HEADER]).split('.')
      const payload = {
        iss: 'gateway',
        sub: admin.userId,
        roles: ['admin'],
        m: method,
        p: path,
        rid: requestId,
        exp: 9e15,
      }
      return {
        ...headers,
        [ASSERTION_HEADER]: `${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${signature}`,
      }
    },
  ],
]

describe('a service reached around the gateway', () => {
  it.each(forgeries)('refuses %s on every route', async (_, forge) => {
    const letIn: string[] = []
    for (const [name, url] of Object.entries(platform.urls).filter(([name]) => name !== 'gateway')) {
      const client = new Client(url)
      for (const { method, path } of routes) {
        const { status } = await client.send(method, path, undefined, forge(method, path))
        if (status !== 401) letIn.push(`${name}: ${method} ${path}: ${status}`)
      }
    }
    expect(letIn).toEqual([])
  })

  it("takes no service's word for a person, and no gateway's word for a service", async () => {
    const client = new Client(platform.urls.groups ?? '')
    const asService = signed({ issuer: 'internal' })('GET', '/groups')
    expect((await client.get('/groups', asService)).status).toBe(401)
    const path = `/internal/groups/${randomUUID()}`
    expect((await client.get(path, signed({})('GET', path))).status).toBe(401)
  })

  it('lets in what the gateway vouches for: the forgeries fail for what is wrong with them', async () => {
    const client = new Client(platform.urls.groups ?? '')
    expect((await client.get('/groups', signed({})('GET', '/groups'))).status).toBe(200)
  })
})
