import { get, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type GatewayUnderTest, startGatewayUnderTest } from './harness.ts'
import { findSignedDestination, MIB, pieces, readText, startRawService, startUpload } from './signed-destination.ts'

const LENGTH = 64 * MIB
/** Far below the body, far above what streaming holds. */
const MEMORY_BOUND = 16 * MIB
const TIMEOUT_MS = 300

let gateway: GatewayUnderTest
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function setUp(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  timeoutMs: number = TIMEOUT_MS,
): Promise<string> {
  const service = await startRawService(answer)
  stops.push(() => service.stop())
  const env = { GROUPS_URL: service.url, UPSTREAM_TIMEOUT_MS: String(timeoutMs) }
  gateway = await startGatewayUnderTest(env, { findDestination: findSignedDestination })
  stops.push(() => gateway.stop())
  return `${gateway.url}/signed/a`
}

function download(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => void get(url, resolve).once('error', reject))
}

/** Writes a large body as fast as its reader allows. */
function writeLarge(res: ServerResponse, written: (bytes: number) => void): void {
  res.setHeader('Content-Length', LENGTH)
  Readable.from(pieces(LENGTH, written)).pipe(res)
}

/** Waits until back-pressure has stopped a count. */
async function untilStopped(count: () => number): Promise<void> {
  let before = 0
  await eventually(
    () => {
      const now = count()
      const isStopped = now > 0 && now === before
      before = now
      expect(isStopped).toBe(true)
    },
    { everyMs: 200 },
  )
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Bytes of buffers and of the heap that are in use. */
function usedMemory(): number {
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

describe('a large body', () => {
  it('is uploaded without being held in memory while the service is slow to read it', async () => {
    const reading = Promise.withResolvers<void>()
    const url = await setUp(async (req, res) => {
      await reading.promise
      let size = 0
      for await (const chunk of req) size += chunk.length
      res.end(String(size))
    }, 55_000)
    const before = usedMemory()
    const upload = startUpload(url, LENGTH)
    const finished = upload.finish()
    await untilStopped(upload.sent)
    expect(upload.sent()).toBeLessThan(LENGTH)
    expect(usedMemory() - before).toBeLessThan(MEMORY_BOUND)
    reading.resolve()
    await finished
    expect(await readText(await upload.answer)).toBe(String(LENGTH))
    await eventually(() => expect(usedMemory() - before).toBeLessThan(MEMORY_BOUND))
  })

  it('is downloaded without being held in memory while the client is slow to read it', async () => {
    let written = 0
    const url = await setUp((_req, res) => writeLarge(res, (bytes) => (written += bytes)), 55_000)
    const before = usedMemory()
    const answer = await download(url)
    await untilStopped(() => written)
    expect(written).toBeLessThan(LENGTH)
    expect(usedMemory() - before).toBeLessThan(MEMORY_BOUND)
    let size = 0
    for await (const chunk of answer) size += chunk.length
    expect(size).toBe(LENGTH)
    await eventually(() => expect(usedMemory() - before).toBeLessThan(MEMORY_BOUND))
  })

  it('that the service refuses early does not keep the client from its answer', async () => {
    const url = await setUp((_req, res) => void res.writeHead(403).end('expired'))
    const upload = startUpload(url, LENGTH)
    const finished = upload.finish()
    const answer = await upload.answer
    expect([answer.statusCode, await readText(answer)]).toEqual([403, 'expired'])
    // Node's client does not send the rest of a body once it has the answer.
    upload.abort()
    await finished
  })
})

describe('the idle limit', () => {
  /** Several times the limit, in pieces. */
  const isLongEnough = (startedAt: number) => performance.now() - startedAt > 4 * TIMEOUT_MS

  it('lets an upload pass that progresses for longer than the limit', async () => {
    let received = 0
    const url = await setUp(async (req, res) => {
      for await (const chunk of req) received += chunk.length
      res.end(String(received))
    })
    const upload = startUpload(url, MIB)
    const startedAt = performance.now()
    while (!isLongEnough(startedAt)) {
      upload.send(1_000)
      await eventually(() => expect(received).toBe(upload.sent()))
    }
    await upload.finish()
    expect(await readText(await upload.answer)).toBe(String(MIB))
  })

  it('lets a download pass that progresses for longer than the limit', async () => {
    let received = 0
    const url = await setUp(async (_req, res) => {
      const startedAt = performance.now()
      let written = 0
      while (!isLongEnough(startedAt)) {
        res.write(Buffer.alloc(1_000))
        written += 1_000
        await eventually(() => expect(received).toBe(written))
      }
      res.end('end')
    })
    const answer = await download(url)
    let text = ''
    for await (const chunk of answer) {
      received += chunk.length
      text += chunk
    }
    expect([answer.complete, text.endsWith('end')]).toEqual([true, true])
  })

  it('answers 504 for an upload that the service does not read, and frees the service', async () => {
    const unread: IncomingMessage[] = []
    const url = await setUp((req) => void unread.push(req))
    const upload = startUpload(url, LENGTH)
    const finished = upload.finish()
    const answer = await upload.answer
    expect(answer.statusCode).toBe(504)
    answer.resume()
    // Node notices a closed connection only when it reads from it.
    const [atService] = unread
    let isAborted = false
    atService?.once('aborted', () => (isAborted = true)).resume()
    await eventually(() => expect(isAborted).toBe(true))
    upload.abort()
    await finished
  })

  it('answers 504 for an upload that its client does not go on with, and does not blame the service for it', async () => {
    let closed = 0
    const url = await setUp(async (req, res) => {
      req.once('close', () => closed++)
      try {
        for await (const _chunk of req);
        res.end('done')
      } catch {}
    })
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const upload = startUpload(url, MIB)
        upload.send(1_000)
        const answer = await upload.answer
        answer.resume()
        upload.abort()
        return answer.statusCode
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([504]))
    await eventually(() => expect(closed).toBe(12))
    const upload = startUpload(url, MIB)
    await upload.finish()
    expect((await upload.answer).statusCode).toBe(200)
  })

  it('breaks a download off that its service does not go on with, and frees the service', async () => {
    let isClosed = false
    const url = await setUp((_req, res) => {
      res.once('close', () => (isClosed = true))
      res.writeHead(200, { 'Content-Length': LENGTH })
      res.write(Buffer.alloc(1_000_000))
    })
    const answer = await download(url)
    await expect(readText(answer)).rejects.toThrow('aborted')
    await eventually(() => expect(isClosed).toBe(true))
  })
})

describe('a client that goes away', () => {
  it('takes its upload to the service with it', async () => {
    let received = 0
    let isAborted = false
    const url = await setUp((req) => {
      req.on('data', (chunk) => (received += chunk.length))
      req.once('aborted', () => (isAborted = true))
    }, 55_000)
    const upload = startUpload(url, LENGTH)
    upload.send(50_000)
    await eventually(() => expect(received).toBe(50_000))
    upload.abort()
    await eventually(() => expect(isAborted).toBe(true))
  })

  it('takes its download from the service with it', async () => {
    let isBrokenOff = false
    const url = await setUp((_req, res) => {
      res.once('close', () => (isBrokenOff = !res.writableFinished))
      writeLarge(res, () => {})
    }, 55_000)
    const answer = await download(url)
    answer.destroy()
    await eventually(() => expect(isBrokenOff).toBe(true))
  })
})
