import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { findObjectStore } from '@platform/testing/object-store.ts'
import { mediaKey } from '../../src/media/store/media-key.ts'
import type { MediaStore } from '../../src/media/store/media-store.ts'
import { inMinutes, newKey, type Sample, sample, send, sha256Of, upload, withHeaders } from './clients.ts'
import { type SignedRequest, type StoreUnderTest, storeKinds } from './stores.ts'

describe.each(storeKinds(findObjectStore()))('$name', ({ start }) => {
  let tested: StoreUnderTest
  let store: MediaStore
  beforeAll(async () => {
    tested = await start()
    store = tested.store
  })
  afterEach(() => tested.setClock(() => new Date()))
  afterAll(() => tested.stop())

  const presignRead = (key: string, contentType = 'image/jpeg') =>
    store.presignRead({ key, contentType, fileName: 'kitchen.jpg', expiresAt: inMinutes(10) })
  const read = async (key: string, headers?: Record<string, string>) =>
    send({ url: (await presignRead(key)).url, headers })
  const keysOf = async (robotId: string) => {
    const { objects } = await store.list({ after: `${robotId}/`, limit: 10 })
    return objects.map(({ key }) => key).filter((key) => key.startsWith(robotId))
  }

  describe('upload', () => {
    it.each([1, 3_000, 524_288, 524_289, 1_048_576, 5_000_000])('reads back %i bytes as they were', async (bytes) => {
      const { body, grant } = await upload(store, sample(bytes))
      const answer = await read(grant.key)
      expect(answer.status).toBe(200)
      expect(answer.body.equals(body)).toBe(true)
      expect(await store.head(grant.key)).toEqual({ contentType: 'image/jpeg', bytes, sha256: sha256Of(body) })
    })

    it('may be repeated', async () => {
      const first = await upload(store)
      await upload(store, first)
      expect((await read(first.grant.key)).body.equals(first.body)).toBe(true)
    })

    it('is granted in whole seconds, and never for longer than asked', async () => {
      const second = new Date(Math.ceil(inMinutes(15).getTime() / 1_000) * 1_000)
      const { grant } = sample(10, { expiresAt: new Date(second.getTime() + 999) })
      expect((await store.presignUpload(grant)).expiresAt).toEqual(second)
    })

    type Change = (request: SignedRequest) => SignedRequest
    const changes: { what: string; change: Change; body?: Buffer }[] = [
      { what: 'method', change: (request) => ({ ...request, method: 'POST' }) },
      {
        what: 'key',
        change: (request) => ({ ...request, url: request.url.replace(/\/[^/]+\?/, `/${randomUUID()}?`) }),
      },
      { what: 'type', change: (request) => withHeaders(request, { 'content-type': 'text/html' }) },
      { what: 'expiry', change: (request) => ({ ...request, url: tested.withLaterExpiry(request.url) }) },
      {
        what: 'checksum',
        change: (request) => tested.withChecksum(request, sha256Of(Buffer.alloc(3_000))),
        body: Buffer.alloc(3_000),
      },
      {
        what: 'length',
        change: (request) => withHeaders(request, { 'content-length': '2999' }),
        body: Buffer.alloc(2_999),
      },
      {
        what: 'greater length',
        change: (request) => withHeaders(request, { 'content-length': '3001' }),
        body: Buffer.alloc(3_001),
      },
      { what: 'content', change: (request) => request, body: Buffer.alloc(3_000) },
      { what: 'signature', change: (request) => ({ ...request, url: `${request.url.slice(0, -3)}000` }) },
    ]
    it.each(changes)('with another $what is refused and stores nothing', async ({ change, body }) => {
      const { body: announced, grant } = sample()
      const { status } = await send(change(await store.presignUpload(grant)), body ?? announced)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(status).toBeLessThan(500)
      expect(await keysOf(grant.key.slice(0, 36))).toEqual([])
    })

    it('after its expiry is refused and stores nothing', async () => {
      const past = inMinutes(-60)
      tested.setClock(() => past)
      const { body, grant } = sample(3_000, { expiresAt: inMinutes(15, past) })
      const request = await store.presignUpload(grant)
      tested.setClock(() => new Date())
      expect((await send(request, body)).status).toBe(403)
      expect(await store.exists(grant.key)).toBe(false)
    })

    it('is not granted when it has expired already, for another type or for a key that is not ours', async () => {
      const { grant } = sample()
      await expect(store.presignUpload({ ...grant, expiresAt: inMinutes(-1) })).rejects.toThrow(RangeError)
      await expect(store.presignUpload({ ...grant, contentType: 'image/svg+xml' })).rejects.toThrow('content type')
      await expect(store.presignUpload({ ...grant, key: '../a/b' })).rejects.toThrow('media key')
    })
  })

  describe('read', () => {
    let stored: Sample
    beforeAll(async () => {
      stored = await upload(store, sample(10_000))
    })

    it('has the granted type and name, whatever was stored', async () => {
      const { url } = await presignRead(stored.grant.key, 'image/png')
      const { headers } = await send({ url })
      expect(headers['content-type']).toBe('image/png')
      expect(headers['content-disposition']).toBe('inline; filename="kitchen.jpg"')
      expect(headers['accept-ranges']).toBe('bytes')
    })

    it.each<[string, number, number]>([
      ['bytes=0-0', 0, 0],
      ['bytes=100-199', 100, 199],
      ['bytes=9000-', 9_000, 9_999],
      ['bytes=9999-20000', 9_999, 9_999],
      ['bytes=-1', 9_999, 9_999],
      ['bytes=-20000', 0, 9_999],
    ])('answers %s with bytes %i to %i', async (range, first, last) => {
      const answer = await read(stored.grant.key, { range })
      expect(answer.status).toBe(206)
      expect(answer.headers['content-range']).toBe(`bytes ${first}-${last}/10000`)
      expect(answer.body.equals(stored.body.subarray(first, last + 1))).toBe(true)
    })

    it.each(['bytes=10000-', 'bytes=20000-30000'])('answers 416 to %s, with the length', async (range) => {
      const answer = await read(stored.grant.key, { range })
      expect(answer.status).toBe(416)
      expect(answer.headers['content-range']).toBe('bytes */10000')
    })

    it.each(['bytes=0-1,4-5', 'lines=1-2'])('answers %s with the whole object', async (range) => {
      const answer = await read(stored.grant.key, { range })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(stored.body)).toBe(true)
    })

    it.each<[string, (request: SignedRequest) => SignedRequest]>([
      ['method', (request) => ({ ...request, method: 'PUT' })],
      ['key', (request) => ({ ...request, url: request.url.replace(stored.grant.key, newKey()) })],
      ['type', (request) => ({ ...request, url: request.url.replace('image%2Fjpeg', 'text%2Fhtml') })],
      ['name', (request) => ({ ...request, url: request.url.replace('kitchen', 'chicken') })],
      ['expiry', (request) => ({ ...request, url: tested.withLaterExpiry(request.url) })],
    ])('with another %s is refused', async (_what, change) => {
      const { url } = await presignRead(stored.grant.key)
      const answer = await send(change({ method: 'GET', url, headers: {} }))
      expect(answer.status).toBe(403)
      expect(answer.body.includes(stored.body)).toBe(false)
    })

    it('after its expiry is refused', async () => {
      const past = inMinutes(-60)
      tested.setClock(() => past)
      const { url } = await store.presignRead({ ...stored.grant, expiresAt: inMinutes(10, past) })
      tested.setClock(() => new Date())
      expect((await send({ url })).status).toBe(403)
    })

    it('of an object that does not exist is answered with 404', async () => {
      expect((await read(newKey())).status).toBe(404)
    })

    it.each([
      (key: string) => `${key}/../../../x`,
      (key: string) => key.replace('/', '//'),
      (key: string) => key.replace('/', '/./'),
      (key: string) => key.replace('/', '\\'),
      (key: string) => `%2e%2e/${key}`,
      () => '../../../../etc/passwd',
      (key: string) => `${key}%00`,
      (key: string) => key.toUpperCase(),
      (key: string) => `${key}/${'a'.repeat(2_000)}`,
    ])('by a path that was changed is refused: %s', async (change) => {
      const { url } = await presignRead(stored.grant.key)
      const { pathname, search } = new URL(url)
      const path = pathname.replace(stored.grant.key, change(stored.grant.key))
      const answer = await send({ url }, undefined, `${path}${search}`)
      expect(answer.status).toBeGreaterThanOrEqual(300)
      expect(answer.status).toBeLessThan(500)
      expect(answer.body.includes(stored.body)).toBe(false)
    })

    it('by the service is bounded', async () => {
      expect(await store.read(stored.grant.key, 16)).toEqual(stored.body.subarray(0, 16))
      expect((await store.read(stored.grant.key, 1_000_000))?.equals(stored.body)).toBe(true)
      expect(await store.read(newKey(), 16)).toBeUndefined()
    })
  })

  it('tells nothing of an object that does not exist', async () => {
    expect(await store.head(newKey())).toBeUndefined()
    expect(await store.exists(newKey())).toBe(false)
  })

  it('stores what the service writes, and the newer of two', async () => {
    const key = newKey()
    const body = Buffer.from('{"made":"here"}')
    const content = { contentType: 'application/json', bytes: body.length, sha256: sha256Of(body) }
    expect(await store.write(key, Buffer.alloc(2_000_000), 'image/webp')).toMatchObject({ bytes: 2_000_000 })
    expect(await store.write(key, body, 'application/json')).toEqual(content)
    expect(await store.head(key)).toEqual(content)
    expect(await store.read(key, 1_000)).toEqual(body)
  })

  it('keeps an empty object', async () => {
    const key = newKey()
    await store.write(key, Buffer.alloc(0), 'text/plain')
    expect(await store.head(key)).toEqual({ contentType: 'text/plain', bytes: 0, sha256: sha256Of(Buffer.alloc(0)) })
    expect(await store.read(key, 16)).toEqual(Buffer.alloc(0))
  })

  it('writes no type that a browser would run', async () => {
    await expect(store.write(newKey(), Buffer.from('<script>'), 'text/html')).rejects.toThrow('content type')
  })

  it.each([
    '../../x',
    'a/b',
    'a/b/c/d',
    'a//c',
    'a/./c',
    'a/../c',
    'a\\b/c/d',
    'a/b/%2e',
    'a/b/c\0',
    'A/b/c',
    '/a/b/c',
  ])('refuses the key %j in every call', async (key) => {
    const calls = [
      () => store.head(key),
      () => store.read(key, 10),
      () => store.write(key, Buffer.alloc(1), 'text/plain'),
      () => store.delete(key),
      () => store.presignRead({ key, contentType: 'text/plain', expiresAt: inMinutes(1) }),
    ]
    for (const call of calls) await expect((async () => call())()).rejects.toThrow('media key')
  })

  describe('delete', () => {
    it('removes the object, and a repeat changes nothing', async () => {
      const { grant } = await upload(store)
      await store.delete(grant.key)
      expect(await store.exists(grant.key)).toBe(false)
      expect((await read(grant.key)).status).toBe(404)
      await store.delete(grant.key)
      await store.delete(newKey())
    })

    it('leaves the other objects of the group, and the key can be used again', async () => {
      const [robotId, groupId] = [randomUUID(), randomUUID()]
      const keys = [mediaKey({ robotId, groupId, mediaId: 'a' }), mediaKey({ robotId, groupId, mediaId: 'b' })]
      const [first = '', second = ''] = keys
      for (const key of keys) await upload(store, sample(10, { key }))
      await store.delete(first)
      expect(await keysOf(robotId)).toEqual([second])
      await store.delete(second)
      const again = await upload(store, sample(20, { key: first }))
      expect(await store.read(first, 100)).toEqual(again.body)
    })
  })

  describe('list', () => {
    it('goes through all objects in the order of their keys, page by page, each once', async () => {
      const robotId = randomUUID()
      const stored: string[] = []
      for (let i = 0; i < 25; i++) {
        const key = mediaKey({ robotId, groupId: `group-${i % 4}`, mediaId: randomUUID() })
        await store.write(key, Buffer.alloc(i), 'image/webp')
        stored.push(key)
      }
      const listed: string[] = []
      let bytes = 0
      let after: string | undefined = `${robotId}/`
      while (after !== undefined) {
        const { objects, next } = await store.list({ after, limit: 7 })
        expect(objects.length).toBeLessThanOrEqual(7)
        const own = objects.filter(({ key }) => key.startsWith(robotId))
        listed.push(...own.map(({ key }) => key))
        bytes += own.reduce((sum, object) => sum + object.bytes, 0)
        for (const { modifiedAt } of own) expect(Math.abs(modifiedAt.getTime() - Date.now())).toBeLessThan(3_600_000)
        after = own.length < objects.length ? undefined : next
      }
      expect(listed).toEqual(stored.toSorted())
      expect(bytes).toBe((24 * 25) / 2)
    })

    it('begins at the first key, and has no next page after the last', async () => {
      await upload(store)
      expect((await store.list({ limit: 1 })).objects).toHaveLength(1)
      expect(await store.list({ after: 'zz', limit: 10 })).toEqual({ objects: [] })
    })
  })
})
