import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { openS3Store } from '../../src/media/store/s3-store.ts'
import { newKey, sha256Of } from './clients.ts'
import { listen } from './stores.ts'

// Faults that a real S3 does not show on demand: a server of the test's own answers in its place.

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function openAgainst(listener: RequestListener, timeoutMs = 30_000) {
  server = createServer(listener)
  const access = { bucket: 'moments', region: 'us-east-1', accessKeyId: 'id', secretAccessKey: 'secret' }
  return openS3Store({ ...access, endpoint: await listen(server), timeoutMs })
}

describe('the S3 store', () => {
  it('repeats a call that failed in the store or on the way', async () => {
    let calls = 0
    const store = await openAgainst((req, res) => {
      calls++
      if (calls === 1) return void req.socket.destroy()
      res.statusCode = calls === 2 ? 503 : 204
      res.end()
    })
    await store.delete(newKey())
    expect(calls).toBe(3)
    await store.close()
  })

  it('gives up after three attempts, as unavailable', async () => {
    let calls = 0
    const store = await openAgainst((_req, res) => {
      calls++
      res.writeHead(500).end('<Error><Code>InternalError</Code></Error>')
    })
    await expect(store.read(newKey(), 10)).rejects.toMatchObject({ code: 'unavailable', status: 503 })
    expect(calls).toBe(3)
    await store.close()
  })

  it('waits for no answer longer than its limit', async () => {
    const store = await openAgainst(() => {}, 50)
    await expect(store.head(newKey())).rejects.toMatchObject({ code: 'unavailable' })
    await store.close()
  })

  it('does not repeat a refusal, and names it', async () => {
    let calls = 0
    const store = await openAgainst((_req, res) => {
      calls++
      res.writeHead(403).end('<Error><Code>InvalidAccessKeyId</Code></Error>')
    })
    await expect(store.list({ limit: 10 })).rejects.toThrow('The S3 store answered GET with 403 InvalidAccessKeyId')
    expect(calls).toBe(1)
    await store.close()
  })

  it('computes the SHA-256 itself where the store keeps none', async () => {
    const body = Buffer.from('content')
    const store = await openAgainst((req, res) => {
      res.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': body.length })
      res.end(req.method === 'HEAD' ? undefined : body)
    })
    const content = { contentType: 'image/jpeg', bytes: body.length, sha256: sha256Of(body) }
    expect(await store.head(newKey())).toEqual(content)
    await store.close()
  })

  it('reads no more than it was asked for from a store without ranges', async () => {
    const store = await openAgainst((_req, res) => res.end(Buffer.alloc(1_000_000, 'x')))
    expect(await store.read(newKey(), 100)).toEqual(Buffer.alloc(100, 'x'))
    await store.close()
  })

  it('leaves objects of others out of a listing, and goes on after them', async () => {
    const entry = (key: string) =>
      `<Contents><Key>${key}</Key><Size>5</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`
    const store = await openAgainst((_req, res) =>
      res.end(`<R><IsTruncated>true</IsTruncated>${entry('a/b/c')}${entry('not+ours%21')}</R>`),
    )
    const modifiedAt = new Date('2026-01-01')
    const objects = [{ key: 'a/b/c', bytes: 5, modifiedAt }]
    expect(await store.list({ limit: 2 })).toEqual({ objects, next: 'not ours!' })
    await store.close()
  })
})
