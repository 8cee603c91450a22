import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { ASSERTION_HEADER, Assertions } from '../src/assertion.ts'
import { ServiceClient } from '../src/client.ts'

const assertions = new Assertions('a secret of the tests that is long enough')
const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })

let answer: (req: IncomingMessage, res: ServerResponse) => void
let asked: IncomingMessage[]
let server: Server
let client: ServiceClient

beforeAll(async () => {
  server = createServer((req, res) => {
    asked.push(req)
    answer(req, res)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
beforeEach(async () => {
  await client?.close()
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = new ServiceClient({ service: 'others', baseUrl, assertions, log, timeoutMs: 500 })
  asked = []
})
afterAll(async () => {
  await client.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const json = (res: ServerResponse, body: unknown) => void res.end(JSON.stringify(body))
const unavailable = { code: 'unavailable', status: 503, headers: { 'Retry-After': '1' } }

describe('a question to another service', () => {
  it('goes with an assertion for itself, and comes back as JSON', async () => {
    answer = (_req, res) => json(res, { name: 'naïve 🏃' })
    expect(await client.get('/internal/thing?id=1', { requestId: 'request-1' })).toEqual({ name: 'naïve 🏃' })
    const [{ headers } = {} as IncomingMessage] = asked
    const assertion = String(headers[ASSERTION_HEADER])
    const request = { method: 'GET', path: '/internal/thing?id=1', requestId: 'request-1' }
    expect(assertions.verify(assertion, request, 'internal')).toMatchObject({ roles: ['service'] })
    expect(headers['x-request-id']).toBe('request-1')
  })

  it('is undefined where there is nothing', async () => {
    answer = (_req, res) => void res.writeHead(404).end('{"message":"none"}')
    expect(await client.get('/internal/thing')).toBeUndefined()
  })

  it.each<[string, typeof answer]>([
    ['answers 500', (_req, res) => void res.writeHead(500).end('{}')],
    ['answers something else than JSON', (_req, res) => void res.end('<html>')],
    ['never answers', () => {}],
    [
      'never ends its answer',
      (_req, res) => {
        res.write('{')
      },
    ],
    ['always ends the connection', (req) => void req.socket.destroy()],
    ['answers more than it may', (_req, res) => json(res, 'x'.repeat(4_194_304))],
  ])('fails as unavailable when the service %s', async (_how, how) => {
    answer = how
    await expect(client.get('/internal/thing')).rejects.toMatchObject(unavailable)
  })

  it('is asked once more when its connection is closed under it', async () => {
    answer = (req, res) => (asked.length === 1 ? void req.socket.resetAndDestroy() : json(res, 'again'))
    expect(await client.get('/internal/thing')).toBe('again')
    expect(asked).toHaveLength(2)
  })

  it('is not asked any more after five failures, until a moment has passed', async () => {
    answer = (_req, res) => void res.writeHead(500).end()
    for (let i = 0; i < 5; i++) await expect(client.get('/internal/thing')).rejects.toMatchObject(unavailable)
    expect(client.isOpen).toBe(true)
    answer = (_req, res) => json(res, 'again')
    await expect(client.get('/internal/thing')).rejects.toMatchObject(unavailable)
    expect(asked).toHaveLength(5)
    await eventually(async () => expect(await client.get('/internal/thing')).toBe('again'))
    expect(client.isOpen).toBe(false)
  })
})
