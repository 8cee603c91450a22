import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Capture } from '@platform/contracts/robots.ts'
import type { Refusal } from '@platform/testing/client.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findObjectStore } from '@platform/testing/object-store.ts'
import type { MediaStore } from '../src/media/store/media-store.ts'
import type { Moment } from '../src/moments/shapes.ts'
import {
  announce,
  announcementOf,
  capture,
  listAll,
  metadata,
  openStore,
  photo,
  storesOn,
  type TestFile,
  uploadAll,
} from './captures.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { send } from './media/clients.ts'

let moments: MomentsPlatform
let store: MediaStore

const post = (body: Capture) => moments.service.post<Moment>('/moments', body)
const refuse = async (body: Capture) => {
  const { status, body: refusal } = await moments.service.post<Refusal>('/moments', body)
  return [status, refusal.errors[0]?.message]
}
const keysOf = async (robotId: string) =>
  (await listAll(store)).map(({ key }) => key).filter((key) => key.startsWith(`${robotId}/`))
const momentsOf = (robotId: string) =>
  moments.db.selectFrom('moment').select('id').where('robot_id', '=', robotId).execute()
/** Lets the time of a robot's uploads be over. */
const passTime = (robotId: string) =>
  moments.db
    .updateTable('upload')
    .set({ url_expires_at: new Date(Date.now() - 3_600_000) })
    .where('robot_id', '=', robotId)
    .execute()
const uploadsOf = (robotId: string) =>
  moments.db.selectFrom('upload').select('id').where('robot_id', '=', robotId).execute()

describe.each(storesOn(findObjectStore()))('uploads on $on', ({ newStore }) => {
  beforeAll(async () => {
    const env = await newStore()
    store = openStore(env)
    moments = await startMomentsPlatform({ ...env, HOUSEKEEPING_POLL_MS: '50' })
  })
  afterAll(async () => {
    await moments.stop()
    await store.close()
  })

  describe('POST /robots/{robotUUID}/uploads', () => {
    it('answers with a URL for each file, for about fifteen minutes', async () => {
      const [image, text] = [await photo(), metadata()]
      const uploads = await announce(moments.service, randomUUID(), [image, text])
      expect(uploads.map(({ method, headers }) => [method, headers['content-type']])).toEqual([
        ['PUT', 'image/jpeg'],
        ['PUT', 'application/json'],
      ])
      const minutes = uploads.map(({ expiresAt }) => (Date.parse(expiresAt) - Date.now()) / 60_000)
      expect(Math.max(...minutes)).toBeLessThanOrEqual(15)
      expect(Math.min(...minutes)).toBeGreaterThan(10)
    })

    const ok = { kind: 'image', contentType: 'image/jpeg', bytes: 10, sha256: 'a'.repeat(64) }
    const MIB = 2 ** 20
    it.each([
      ['a video of more than 512 MiB', { kind: 'video', contentType: 'video/mp4', bytes: 512 * MIB + 1 }],
      ['an image of more than 50 MiB', { bytes: 50 * MIB + 1 }],
      ['an audio file of more than 64 MiB', { kind: 'audio', contentType: 'audio/mpeg', bytes: 64 * MIB + 1 }],
      ['a thumbnail of more than 2 MiB', { kind: 'thumbnail', bytes: 2 * MIB + 1 }],
      ['metadata of more than 1 MiB', { kind: 'metadata', contentType: 'application/json', bytes: MIB + 1 }],
      ['HTML', { kind: 'metadata', contentType: 'text/html' }],
      ['SVG', { contentType: 'image/svg+xml' }],
      ['a video as an image', { contentType: 'video/mp4' }],
      ['a type with a parameter', { contentType: 'image/jpeg; charset=utf-8' }],
      ['an unknown kind', { kind: 'page' }],
      ['an empty file', { bytes: 0 }],
      ['half a byte', { bytes: 1.5 }],
      ['a checksum in capitals', { sha256: 'A'.repeat(64) }],
      ['a checksum that is too short', { sha256: 'a'.repeat(63) }],
    ])('refuses %s', async (_what, over) => {
      const robotId = randomUUID()
      const answer = await moments.service.post(`/robots/${robotId}/uploads`, { files: [ok, { ...ok, ...over }] })
      expect(answer.status).toBe(400)
      expect(answer.body.errors[0]?.message).toMatch(/^body\.files\.1\./)
      expect(await uploadsOf(robotId)).toEqual([])
    })

    it('accepts the largest files of each kind, and refuses no file and nine files', async () => {
      const files = [
        { ...ok, bytes: 50 * MIB },
        { ...ok, kind: 'video', contentType: 'video/quicktime', bytes: 512 * MIB },
      ]
      const path = `/robots/${randomUUID()}/uploads`
      expect((await moments.service.post(path, { files })).status).toBe(201)
      expect((await moments.service.post(path, { files: [] })).status).toBe(400)
      expect((await moments.service.post(path, { files: Array.from({ length: 9 }, () => ok) })).status).toBe(400)
      expect((await moments.service.post('/robots/no-uuid/uploads', { files })).status).toBe(400)
    })

    it('answers 401 without a credential and 403 without the role', async () => {
      const path = `/robots/${randomUUID()}/uploads`
      expect((await moments.platform.nobody.post(path, { files: [ok] })).status).toBe(401)
      expect((await moments.platform.person().post(path, { files: [ok] })).status).toBe(403)
    })
  })

  describe('a moment with uploads', () => {
    it('has the uploaded files, a derived thumbnail and a ThumbHash', async () => {
      const { robotId, viewer, stranger, revoked } = await moments.cast()
      const files = [await photo(), metadata()]
      const { status, body } = await post(capture(robotId, { media: await uploadAll(moments.service, robotId, files) }))
      expect(status).toBe(201)
      expect(body.media.map(({ kind, contentType }) => [kind, contentType])).toEqual([
        ['image', 'image/jpeg'],
        ['metadata', 'application/json'],
        ['thumbnail', 'image/webp'],
      ])
      expect(body.media[0]?.thumbHash).toMatch(/^[A-Za-z0-9+/]+=*$/)
      const seen = await viewer.get<Moment>(`/moments/${body.uuid}`)
      for (const [i, { body: content }] of files.entries()) {
        const media = seen.body.media[i]
        if (!media?.uriExpiresAt) throw new Error('The file has no address.')
        const minutes = (Date.parse(media.uriExpiresAt) - Date.now()) / 60_000
        expect(minutes).toBeGreaterThan(5)
        expect(minutes).toBeLessThanOrEqual(10)
        const read = await send({ url: media.uri })
        expect(read.status).toBe(200)
        expect(String(read.headers['content-type']).split(';')[0]).toBe(media.contentType)
        expect(read.body.equals(content)).toBe(true)
        const redirect = await viewer.get(`/media/${media.uuid}`)
        expect([redirect.status, redirect.headers['cache-control']]).toEqual([302, 'no-store'])
        expect((await send({ url: String(redirect.headers.location) })).body.equals(content)).toBe(true)
        expect((await stranger.get(`/media/${media.uuid}`)).status).toBe(403)
        expect((await revoked.get(`/media/${media.uuid}`)).status).toBe(403)
        expect((await moments.platform.nobody.get(`/media/${media.uuid}`)).status).toBe(401)
      }
      const thumbnail = await send({ url: seen.body.media[2]?.uri ?? '' })
      expect(thumbnail.body.subarray(8, 12).toString()).toBe('WEBP')
      expect(await keysOf(robotId)).toHaveLength(3)
    })

    it('keeps the thumbnail that the robot sent, and derives none', async () => {
      const robotId = randomUUID()
      const image = await photo()
      const media = await uploadAll(moments.service, robotId, [image, { ...(await photo()), kind: 'thumbnail' }])
      const { body } = await post(capture(robotId, { media }))
      expect(body.media.map(({ kind }) => kind)).toEqual(['image', 'thumbnail'])
    })

    it('is one moment when fifty posts of it arrive at once, and nothing is left of the others', async () => {
      const robotId = randomUUID()
      const body = capture(robotId, { media: await uploadAll(moments.service, robotId, [await photo()]) })
      const answers = await Promise.all(Array.from({ length: 50 }, () => post(body)))
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(49)
      await passTime(robotId)
      await eventually(async () => expect(await uploadsOf(robotId)).toEqual([]))
      const rows = await moments.db
        .selectFrom('media')
        .select('object_key')
        .where('moment_id', '=', answers[0]?.body.uuid ?? '')
        .execute()
      expect(rows).toHaveLength(2)
      expect(await keysOf(robotId)).toEqual(rows.map(({ object_key }) => object_key).sort())
    })

    it('refuses an upload that has not arrived, and stores nothing', async () => {
      const robotId = randomUUID()
      const [upload] = await announce(moments.service, robotId, [await photo()])
      const body = capture(robotId, { media: [{ kind: 'image', uploadUUID: upload?.uploadUUID }] })
      expect(await refuse(body)).toEqual([409, expect.stringContaining('has not arrived')])
      expect(await momentsOf(robotId)).toEqual([])
    })

    it('refuses another robot’s upload, an unknown one, one of another kind and one that a moment has', async () => {
      const [robotId, otherRobotId] = [randomUUID(), randomUUID()]
      const [media] = await uploadAll(moments.service, robotId, [metadata()])
      if (!media) throw new Error('There is no upload.')
      expect(await refuse(capture(otherRobotId, { media: [media] }))).toEqual([
        409,
        expect.stringContaining('has no upload'),
      ])
      expect(await refuse(capture(robotId, { media: [{ kind: 'metadata', uploadUUID: randomUUID() }] }))).toEqual([
        409,
        expect.stringContaining('has no upload'),
      ])
      expect(await refuse(capture(robotId, { media: [{ ...media, kind: 'image' }] }))).toEqual([
        409,
        expect.stringContaining('announced as metadata'),
      ])
      const first = capture(robotId, { media: [media] })
      expect((await post(first)).status).toBe(201)
      expect(await refuse(capture(robotId, { media: [media] }))).toEqual([
        409,
        expect.stringContaining('belongs to a moment'),
      ])
      expect((await post(first)).status).toBe(200)
    })

    it('gives one upload to one of twenty moments that name it at once', async () => {
      const robotId = randomUUID()
      const media = await uploadAll(moments.service, robotId, [metadata()])
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(capture(robotId, { media }))))
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(19)
      expect(await momentsOf(robotId)).toHaveLength(1)
    })

    it.each([
      ['an HTML page as a photo', 'image', 'image/jpeg', '<!doctype html><script>alert(1)</script>'],
      [
        'an SVG drawing as a photo',
        'image',
        'image/png',
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
      ],
      ['a text as a video', 'video', 'video/mp4', 'not a video at all, but a text of some length'],
    ] as const)('refuses %s', async (_what, kind, contentType, text) => {
      const robotId = randomUUID()
      const file: TestFile = { kind, contentType, body: Buffer.from(text) }
      const media = await uploadAll(moments.service, robotId, [file])
      expect(await refuse(capture(robotId, { media }))).toEqual([409, expect.stringContaining(`is no ${contentType}`)])
      await passTime(robotId)
      await eventually(async () => expect(await keysOf(robotId)).toEqual([]))
    })

    it('stores a photo that cannot be decoded without a thumbnail', async () => {
      const robotId = randomUUID()
      const body = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), randomBytes(500)])
      const media = await uploadAll(moments.service, robotId, [{ kind: 'image', contentType: 'image/jpeg', body }])
      const answer = await post(capture(robotId, { media }))
      expect([answer.status, answer.body.media.map(({ kind }) => kind)]).toEqual([201, ['image']])
    })

    it('refuses an object that is not the announced file, as of a store that verifies nothing', async () => {
      const robotId = randomUUID()
      const file = await photo()
      const [upload] = await announce(moments.service, robotId, [file])
      const row = await moments.db.selectFrom('upload').selectAll().where('robot_id', '=', robotId).executeTakeFirst()
      if (!upload || !row) throw new Error('There is no upload.')
      await store.write(row.object_key, (await photo()).body, 'image/jpeg')
      const body = capture(robotId, { media: [{ kind: 'image', uploadUUID: upload.uploadUUID }] })
      expect(await refuse(body)).toEqual([409, expect.stringContaining('is not the announced file')])
      expect(await momentsOf(robotId)).toEqual([])
    })
  })

  it('answers 404 for unknown media, 400 for a text that is no UUID, and leads to files that are hosted elsewhere', async () => {
    const { robotId, owner } = await moments.cast()
    expect((await owner.get(`/media/${randomUUID()}`)).status).toBe(404)
    expect((await owner.get('/media/no-uuid')).status).toBe(400)
    const hosted = capture(robotId)
    const { body } = await post(hosted)
    const answer = await owner.get(`/media/${body.media[0]?.uuid}`)
    expect([answer.status, answer.headers.location]).toEqual([302, hosted.media[0]?.uri])
    await moments.db.updateTable('moment').set({ deleted_at: new Date() }).where('id', '=', body.uuid).execute()
    expect((await owner.get(`/media/${body.media[0]?.uuid}`)).status).toBe(404)
  })

  describe('the cleaner', () => {
    it('deletes uploads that no moment names, their objects first, and keeps those that one has', async () => {
      const robotId = randomUUID()
      const kept = await post(capture(robotId, { media: await uploadAll(moments.service, robotId, [metadata()]) }))
      const [unused] = await uploadAll(moments.service, robotId, [metadata()])
      await announce(moments.service, robotId, [metadata()])
      await passTime(robotId)
      await eventually(async () => expect(await uploadsOf(robotId)).toEqual([]))
      expect(await keysOf(robotId)).toHaveLength(1)
      expect((await send({ url: kept.body.media[0]?.uri ?? '' })).status).toBe(200)
      if (!unused) throw new Error('There is no upload.')
      expect((await refuse(capture(robotId, { media: [unused] })))[0]).toBe(409)
    })

    it('leaves uploads alone whose time is not over', async () => {
      const robotId = randomUUID()
      const media = await uploadAll(moments.service, robotId, [metadata()])
      const other = randomUUID()
      await uploadAll(moments.service, other, [metadata()])
      await passTime(other)
      await eventually(async () => expect(await uploadsOf(other)).toEqual([]))
      expect((await post(capture(robotId, { media }))).status).toBe(201)
    })
  })

  it('announces files as the robot has described them', async () => {
    const file = metadata()
    const robotId = randomUUID()
    await announce(moments.service, robotId, [file])
    const row = await moments.db.selectFrom('upload').selectAll().where('robot_id', '=', robotId).executeTakeFirst()
    const { kind, contentType: content_type, bytes, sha256 } = announcementOf(file)
    expect(row).toMatchObject({ kind, content_type, bytes, sha256, moment_id: null, abandoned_at: null })
  })
})
