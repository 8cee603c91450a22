import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { request } from 'undici'
import {
  type GatewayUnderTest,
  type Member,
  type Seen,
  startGatewayUnderTest,
  startTestService,
  type TestService,
} from './harness.ts'
import { sendRaw } from './raw-http.ts'

let gateway: GatewayUnderTest
let ana: Member
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

type Answerer = (seen: Seen, res: ServerResponse) => void

async function service(answer?: Answerer, port?: number): Promise<TestService> {
  const started = await startTestService(answer, port)
  stops.push(() => started.stop())
  return started
}

async function setUp(env: Record<string, string>): Promise<void> {
  gateway = await startGatewayUnderTest(env)
  stops.push(() => gateway.stop())
  ana = await gateway.signUp()
}

const ok: Answerer = (_seen, res) => void res.end('{}')

describe('a service that does not answer', () => {
  it('is 504 within the time-out, while the others go on, and is left alone after a while', async () => {
    const slow = await service(() => {})
    const healthy = await service(ok)
    await setUp({ GROUPS_URL: slow.url, MODERATION_URL: healthy.url, UPSTREAM_TIMEOUT_MS: '150' })
    const [late, fine] = await Promise.all([ana.byToken.get('/groups'), ana.byToken.get('/moderation/queue')])
    expect([late.status, fine.status]).toEqual([504, 200])
    expect(late.headers['retry-after']).toBe('2')
    expect(late.body.errors[0]).toMatchObject({ code: 'unavailable', endpoint: 'GET /groups' })
    await Promise.all(Array.from({ length: 12 }, () => ana.byToken.get('/groups')))
    const asked = slow.seen.length
    const refused = await ana.byToken.get('/groups')
    expect([refused.status, slow.seen.length]).toEqual([503, asked])
    expect((await ana.byToken.get('/moderation/queue')).status).toBe(200)
  })

  it('breaks the answer off when it stalls in the middle', async () => {
    const stalling = await service((_seen, res) => {
      res.writeHead(200, { 'Content-Length': '100' })
      res.write('half of it')
    })
    await setUp({ GROUPS_URL: stalling.url, UPSTREAM_TIMEOUT_MS: '150' })
    await expect(ana.byToken.get('/groups')).rejects.toThrow()
  })

  it('is 503 when it is away, and comes back by itself', async () => {
    const first = await service(ok)
    const { port } = new URL(first.url)
    await setUp({ GROUPS_URL: first.url })
    expect((await ana.byToken.get('/groups')).status).toBe(200)
    await first.stop()
    const away = await Promise.all(Array.from({ length: 15 }, () => ana.byToken.get('/groups')))
    expect(new Set(away.map(({ status }) => status))).toEqual(new Set([503]))
    await service(ok, Number(port))
    await eventually(async () => expect((await ana.byToken.get('/groups')).status).toBe(200))
  })

  it('shows in /readyz, which stays 200: the way to the others is open', async () => {
    const healthy = await service(ok)
    await setUp({ GROUPS_URL: healthy.url, MODERATION_URL: 'http://127.0.0.1:9' })
    const answer = await gateway.nobody.get('/readyz')
    expect([answer.status, answer.body]).toEqual([
      200,
      { status: 'ready', whole: false, services: { groups: 'ready', moderation: 'does not answer' } },
    ])
    expect((await gateway.nobody.get('/healthz')).status).toBe(200)
  })
})

describe('a connection that was kept alive and is closed by the service when it is used again', () => {
  async function closingOnSecond(): Promise<{ url: string; requests: () => number }> {
    let requests = 0
    const perSocket = new WeakMap<object, number>()
    const server: Server = createServer((req, res) => {
      const count = (perSocket.get(req.socket) ?? 0) + 1
      perSocket.set(req.socket, count)
      if (count === 2) return void req.socket.destroy()
      requests++
      req.resume().on('end', () => res.end('{}'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()))
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests }
  }

  it('costs a request that may be repeated nothing', async () => {
    const closing = await closingOnSecond()
    await setUp({ GROUPS_URL: closing.url })
    for (let i = 0; i < 6; i++) expect((await ana.byToken.get('/groups')).status).toBe(200)
    expect((await ana.byToken.delete('/groups/1')).status).toBe(200)
  })

  it('is not repeated for a write: nobody knows whether it was done', async () => {
    const closing = await closingOnSecond()
    await setUp({ GROUPS_URL: closing.url })
    expect((await ana.byToken.post('/groups', { a: 1 })).status).toBe(200)
    expect((await ana.byToken.post('/groups', { a: 1 })).status).toBe(503)
    expect(closing.requests()).toBe(1)
  })
})

describe('bodies', () => {
  it('are refused beyond the limit, said or counted, and nothing of them reaches a service', async () => {
    const groups = await service(ok)
    await setUp({ GROUPS_URL: groups.url, BODY_LIMIT_BYTES: '2048' })
    const bearer = `Authorization: Bearer ${ana.accessToken}`
    const head = ['POST /groups HTTP/1.1', 'Host: gateway', bearer, 'Content-Type: application/json']
    const said = await sendRaw(gateway.url, [...head, 'Content-Length: 5000'], 'x'.repeat(100))
    expect(said).toMatchObject({ status: 413, isClosed: true })
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
    const counted = await sendRaw(gateway.url, [...head, 'Transfer-Encoding: chunked'], chunk.repeat(3))
    expect(counted).toMatchObject({ status: 413, isClosed: true })
    const own = head.map((line) => line.replace('/groups', '/api-keys'))
    expect(await sendRaw(gateway.url, [...own, 'Transfer-Encoding: chunked'], chunk.repeat(3))).toMatchObject({
      status: 411,
      isClosed: true,
    })
    expect(groups.seen).toHaveLength(0)
  })

  it('pass whole, in one piece or in many', async () => {
    const groups = await service()
    await setUp({ GROUPS_URL: groups.url })
    const text = JSON.stringify({ text: 'ø'.repeat(50_000) })
    const headers = { ...ana.byToken.credential(), 'content-type': 'application/json' }
    for (const body of [text, Readable.from(chunksOf(text))]) {
      const answer = await request(`${gateway.url}/groups`, { method: 'POST', headers, body })
      expect(((await answer.body.json()) as { body: string }).body).toBe(text)
    }
    expect(groups.seen[1]?.headers).toMatchObject({ 'content-length': String(Buffer.byteLength(text)) })
    expect(groups.seen[1]?.headers).not.toHaveProperty('transfer-encoding')
  })

  async function* chunksOf(text: string) {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000)
  }

  it('come back whole, however large, and in any form', async () => {
    const large = Buffer.alloc(3_000_000, 'x')
    const groups = await service(({ url }, res) => {
      if (url === '/groups/large') res.end(large)
      else if (url === '/groups/chunks') {
        res.write('a')
        res.end('b')
      } else res.end(Buffer.from([0, 1, 128, 255]))
    })
    await setUp({ GROUPS_URL: groups.url })
    const read = async (path: string) => {
      const answer = await request(gateway.url + path, { headers: ana.byToken.credential() })
      return Buffer.from(await answer.body.arrayBuffer())
    }
    expect((await read('/groups/large')).equals(large)).toBe(true)
    expect((await read('/groups/chunks')).toString()).toBe('ab')
    expect([...(await read('/groups/bytes'))]).toEqual([0, 1, 128, 255])
  })
})

describe('a client that goes away', () => {
  it('takes its request to the service with it', async () => {
    let isAborted = false
    const groups = await service((_seen, res) => void res.once('close', () => (isAborted = true)))
    await setUp({ GROUPS_URL: groups.url })
    const { port } = new URL(gateway.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET /groups HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer ${ana.accessToken}\r\n\r\n`)
    await eventually(() => expect(groups.seen).toHaveLength(1))
    socket.destroy()
    await eventually(() => expect(isAborted).toBe(true))
    await eventually(() => expect(gateway.lines.join('\n')).toContain('"status":499'))
  })
})

describe('stopping under load', () => {
  it('fails no request that was accepted', async () => {
    const groups = await service((_seen, res) => void setTimeout(() => res.end('{}'), 20))
    await setUp({ GROUPS_URL: groups.url })
    const replica = await gateway.replica()
    let answered = 0
    const outcomes = new Set<string>()
    const client = async () => {
      for (;;) {
        try {
          const answer = await request(`${replica.url}/groups`, { headers: ana.byToken.credential() })
          await answer.body.dump()
          outcomes.add(String(answer.statusCode))
          answered++
        } catch (error) {
          // A connection that the system had not handed over yet when the port was closed.
          outcomes.add((error as { code?: string }).code ?? String(error))
          return
        }
      }
    }
    const clients = Array.from({ length: 10 }, client)
    await eventually(() => expect(answered).toBeGreaterThan(50))
    await replica.stop()
    await Promise.all(clients)
    expect([...outcomes].filter((outcome) => !['ECONNREFUSED', 'ECONNRESET'].includes(outcome))).toEqual(['200'])
    const accepted = gateway.lines.filter((line) => line.includes('"path":"/groups"')).map((line) => JSON.parse(line))
    expect(accepted.filter(({ status }) => status !== 200)).toEqual([])
    expect(accepted).toHaveLength(answered)
  })
})
