import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { inMinutes, type Sample, sample, send, upload } from './clients.ts'
import { type RunningFileStore, startFileStore } from './stores.ts'

let tested: RunningFileStore
beforeAll(async () => {
  tested = await startFileStore()
})
afterAll(() => tested.stop())

describe('a read from the file store', () => {
  let stored: Sample
  let url: string
  beforeAll(async () => {
    stored = await upload(tested.store, sample(10_000))
  })
  beforeEach(async () => {
    url = (await tested.store.presignRead({ ...stored.grant, expiresAt: inMinutes(10) })).url
  })
  afterEach(() => tested.setClock(() => new Date()))

  it('carries headers that let no browser run it, and may be kept for as long as its URL lives', async () => {
    const now = new Date(1_900_000_000_000)
    tested.setClock(() => now)
    const presigned = await tested.store.presignRead({ ...stored.grant, expiresAt: inMinutes(10, now) })
    tested.setClock(() => inMinutes(4, now))
    const { headers } = await send(presigned)
    expect(headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-length': '10000',
      'content-disposition': 'inline; filename="media"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'private, max-age=360',
      'accept-ranges': 'bytes',
      etag: `"${stored.grant.sha256}"`,
    })
  })

  it('answers HEAD as GET, without the content', async () => {
    const whole = await send({ method: 'HEAD', url })
    expect([whole.status, whole.headers['content-length'], whole.body.length]).toEqual([200, '10000', 0])
    const part = await send({ method: 'HEAD', url, headers: { range: 'bytes=0-9' } })
    expect([part.status, part.headers['content-length'], part.body.length]).toEqual([206, '10', 0])
  })

  it('is not repeated for a client that has the object already', async () => {
    for (const tag of [`"${stored.grant.sha256}"`, `"x", W/"${stored.grant.sha256}"`, '*']) {
      const answer = await send({ url, headers: { 'if-none-match': tag, range: 'bytes=90000-' } })
      expect([answer.status, answer.body.length]).toEqual([304, 0])
    }
    expect((await send({ url, headers: { 'if-none-match': '"x"' } })).status).toBe(200)
  })

  it('goes on with the rest only for the same content', async () => {
    const ask = (tag: string) => send({ url, headers: { range: 'bytes=10-19', 'if-range': tag } })
    expect((await ask(`"${stored.grant.sha256}"`)).status).toBe(206)
    expect((await ask('"another"')).status).toBe(200)
  })

  it('of a range outside is an error of the platform, that no cache keeps', async () => {
    const { headers, body } = await send({ url, headers: { range: 'bytes=10000-' } })
    expect(headers['cache-control']).toBeUndefined()
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(body.toString()).errors[0].message).toBe(
      'The range is outside of the 10000 bytes of the media file.',
    )
  })

  it.each([
    '/media-files/',
    '/media-files/a/b',
    '/media-files/..',
    '/media-files/../../../../etc/passwd',
    '/media-files/%2e%2e/%2e%2e/x',
    '/media-files/a%2Fb%2Fc',
    '/media-files/a\\b\\c',
    '/media-files//a/b/c',
    '/media-files/a/b/c/',
    '/media-files/a/./c',
    '/media-files/a/b/c%00',
    '/media-files/a/b/.c',
    '/media-files/A/B/C',
    `/media-files/a/b/${'c'.repeat(65)}`,
  ])('refuses the path %s before it is decoded', async (path) => {
    const { search } = new URL(url)
    const answer = await send({ url }, undefined, `${path}${search}`)
    expect(answer.status).toBe(400)
  })

  it.each(['/MEDIA-FILES/', '/media%2Dfiles/', '/./media-files/', '//media-files/', 'http://x/media-files/'])(
    'is mounted under its exact path, not under %s',
    async (path) => {
      const { pathname, search } = new URL(url)
      const answer = await send({ url }, undefined, `${pathname.replace('/media-files/', path)}${search}`)
      expect(answer.status).toBe(404)
    },
  )

  it('survives a client that goes away in the middle', async () => {
    const { grant, body } = await upload(tested.store, sample(20_000_000))
    const presigned = await tested.store.presignRead({ ...grant, expiresAt: inMinutes(10) })
    const req = request(presigned.url, { agent: false })
    req.end()
    const [res] = await once(req, 'response')
    await once(res, 'data')
    req.destroy()
    expect((await send(presigned)).body.equals(body)).toBe(true)
  })
})
