import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { findObjectStore } from '@platform/testing/object-store.ts'
import type { MediaStore } from '../src/media/store/media-store.ts'
import type { Moment } from '../src/moments/shapes.ts'
import {
  announce,
  capture,
  listAll,
  openStore,
  photo,
  storesOn,
  type TestFile,
  type TestUpload,
  uploadAll,
} from './captures.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { send } from './media/clients.ts'

let moments: MomentsPlatform
let store: MediaStore

const keysOf = async (robotId: string) =>
  (await listAll(store)).map(({ key }) => key).filter((key) => key.startsWith(`${robotId}/`))

describe.each(storesOn(findObjectStore()))('attacks on files on $on', ({ newStore }) => {
  beforeAll(async () => {
    const env = await newStore()
    store = openStore(env)
    moments = await startMomentsPlatform(env)
  })
  afterAll(async () => {
    await moments.stop()
    await store.close()
  })

  describe('an upload URL', () => {
    let robotId: string
    let upload: TestUpload
    let file: TestFile
    beforeAll(async () => {
      robotId = randomUUID()
      file = await photo()
      const [announced] = await announce(moments.service, robotId, [file])
      if (!announced) throw new Error('There is no upload.')
      upload = announced
    })
    const attack = async (change: Partial<TestUpload>, body = file.body, path?: string) => {
      const { status } = await send({ ...upload, ...change }, body, path)
      expect([400, 401, 403, 404, 405, 411, 413, 501]).toContain(status)
      expect(await keysOf(robotId)).toEqual([])
    }

    it('refuses another method', async () => {
      await attack({ method: 'DELETE', headers: {} }, Buffer.alloc(0))
      await attack({ method: 'GET', headers: {} }, Buffer.alloc(0))
    })

    it('refuses other content of the same length, and content of another length', async () => {
      await attack({}, randomBytes(file.body.length))
      const longer = Buffer.concat([file.body, Buffer.from('x')])
      await attack({ headers: { ...upload.headers, 'content-length': String(longer.length) } }, longer)
      const shorter = file.body.subarray(1)
      await attack({ headers: { ...upload.headers, 'content-length': String(shorter.length) } }, shorter)
    })

    it('refuses another content type', async () => {
      await attack({ headers: { ...upload.headers, 'content-type': 'text/html' } })
    })

    it('refuses another key', async () => {
      await attack({ url: upload.url.replace(robotId, randomUUID()) })
    })

    it('refuses a later expiry', async () => {
      const url = new URL(upload.url)
      for (const name of ['expires', 'X-Amz-Expires']) {
        const value = url.searchParams.get(name)
        if (value) url.searchParams.set(name, String(Number(value) + 600))
      }
      expect(url.href).not.toBe(upload.url)
      await attack({ url: url.href })
    })

    it('refuses paths that lead elsewhere', async () => {
      const { pathname, search } = new URL(upload.url)
      for (const path of [
        pathname.replace(robotId, `..%2f${robotId}`),
        pathname.replace(robotId, `%2e%2e/${robotId}`),
        pathname.replace(robotId, `${robotId}\\..`),
        pathname.replace(robotId, `./${robotId}`),
        pathname.replace(robotId, `${robotId}%00`),
        pathname.replace(`/${robotId}`, `//${robotId}`),
      ]) {
        await attack({}, file.body, `${path}${search}`)
      }
    })

    it('accepts the announced file, without a credential and more than once', async () => {
      for (let i = 0; i < 2; i++) expect((await send(upload, file.body)).status).toBe(200)
      expect(await keysOf(robotId)).toHaveLength(1)
    })
  })

  describe('a read URL', () => {
    it('serves ranges, and refuses those outside of the file', async () => {
      const robotId = randomUUID()
      const file = await photo()
      const media = await uploadAll(moments.service, robotId, [file])
      const { body } = await moments.service.post<Moment>('/moments', capture(robotId, { media }))
      const url = body.media[0]?.uri ?? ''
      const part = await send({ url, headers: { range: 'bytes=10-19' } })
      expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 10-19/${file.body.length}`])
      expect(part.body.equals(file.body.subarray(10, 20))).toBe(true)
      for (const range of [`bytes=${file.body.length}-`, 'bytes=99999999-999999999']) {
        expect((await send({ url, headers: { range } })).status).toBe(416)
      }
      const changed = new URL(url)
      for (const name of ['expires', 'X-Amz-Expires']) {
        const value = changed.searchParams.get(name)
        if (value) changed.searchParams.set(name, String(Number(value) + 600))
      }
      expect((await send({ url: changed.href })).status).toBe(403)
      expect((await send({ url, method: 'DELETE' })).status).toBeGreaterThanOrEqual(400)
      expect((await send({ url })).status).toBe(200)
    })
  })
})
