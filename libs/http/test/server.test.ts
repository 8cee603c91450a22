import { type IncomingMessage, request } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Listening, liftBodyTimeLimit, listen } from '../src/server.ts'

const BODY_TIME_MS = 100
const LENGTH = 1_000_000

let listening: Listening
afterEach(() => listening.stop())

/** Starts a server that reads bodies and answers their length. */
async function start(prepare: (...exchange: Parameters<typeof liftBodyTimeLimit>) => void): Promise<() => number> {
  let received = 0
  listening = await listen(
    async (req, res) => {
      prepare(req, res)
      req.on('data', (chunk) => (received += chunk.length))
      req.once('end', () => res.end(String(received)))
    },
    { host: '127.0.0.1', port: 0, graceMs: 0, bodyTimeMs: BODY_TIME_MS },
  )
  return () => received
}

function upload() {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { 'content-length': String(LENGTH) }
  const outgoing = request(listening.url, { method: 'PUT', headers }, resolve).once('error', reject)
  return { outgoing, answer: promise }
}

describe('the time limit of bodies', () => {
  it('closes the connection of a body that does not arrive in time', async () => {
    await start(() => {})
    const { outgoing, answer } = upload()
    outgoing.write('x')
    await expect(answer).rejects.toThrow('socket hang up')
  })

  it('tells the listener for client errors, which may answer', async () => {
    await start(() => {})
    listening.server.on('clientError', (error: Error & { code?: string }, socket) => {
      const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
    })
    const { outgoing, answer } = upload()
    outgoing.write('x')
    expect((await answer).statusCode).toBe(408)
    outgoing.destroy()
  })

  it('does not hold for a request that is exempt', async () => {
    const received = await start(liftBodyTimeLimit)
    const { outgoing, answer } = upload()
    const startedAt = performance.now()
    let sent = 0
    while (performance.now() - startedAt < 4 * BODY_TIME_MS) {
      outgoing.write('x')
      sent++
      await eventually(() => expect(received()).toBe(sent))
    }
    outgoing.end(Buffer.alloc(LENGTH - sent))
    expect((await answer).statusCode).toBe(200)
    expect(received()).toBe(LENGTH)
  })

  it('holds again for the rest of a body that was answered early', async () => {
    await start((req, res) => {
      liftBodyTimeLimit(req, res)
      res.end('early')
    })
    const { outgoing, answer } = upload()
    let isClosed = false
    outgoing.write('x')
    outgoing.once('error', () => {})
    outgoing.once('close', () => (isClosed = true))
    expect((await answer).resume().statusCode).toBe(200)
    await eventually(() => expect(isClosed).toBe(true))
  })
})
