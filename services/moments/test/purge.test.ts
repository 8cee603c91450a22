import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { momentPurged, type PurgeReceipt } from '@platform/contracts/moments.ts'
import type { Capture } from '@platform/contracts/robots.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findObjectStore } from '@platform/testing/object-store.ts'
import { sql } from 'kysely'
import type { MediaStore } from '../src/media/store/media-store.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { purgeMoments } from '../src/purge/purge.ts'
import { announcementOf, capture, listAll, metadata, openStore, photo, storesOn, uploadAll } from './captures.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { send } from './media/clients.ts'
import { publishedUnder } from './published.ts'

const DAY_MS = 86_400_000

let moments: MomentsPlatform
let store: MediaStore

const rowOf = (id: string) => moments.db.selectFrom('moment').selectAll().where('id', '=', id).executeTakeFirst()
const mediaOf = (id: string) => moments.db.selectFrom('media').select('id').where('moment_id', '=', id).execute()
const keysOf = async (robotId: string) =>
  (await listAll(store)).map(({ key }) => key).filter((key) => key.startsWith(`${robotId}/`))
const deleteDaysAgo = (id: string, days: number, over: { pinned?: boolean } = {}) =>
  moments.db
    .updateTable('moment')
    .set({ deleted_at: new Date(Date.now() - days * DAY_MS), ...over })
    .where('id', '=', id)
    .execute()
/** Marks moments as an erasure does. */
const sendToPurge = (ids: string[]) =>
  sql`update moment set deleted_at = coalesce(deleted_at, now()), purge_started_at = '-infinity'
    where id = any(${ids}::uuid[])`.execute(moments.db)
const receiptsOf = async (id: string) =>
  (await publishedUnder<PurgeReceipt>(moments.platform.database, id)).filter(({ type }) => type === momentPurged.type)

interface Stored {
  body: Capture
  moment: Moment
}

async function newMoment(robotId: string, over: Partial<Capture> = {}): Promise<Stored> {
  const body = capture(robotId, over)
  const answer = await moments.service.post<Moment>('/moments', body)
  if (answer.status !== 201) throw new Error(`There is no moment: ${answer.status}.`)
  return { body, moment: answer.body }
}

describe.each(storesOn(findObjectStore()))('the purge on $on', ({ newStore }) => {
  beforeAll(async () => {
    const env = await newStore()
    store = openStore(env)
    moments = await startMomentsPlatform({ ...env, HOUSEKEEPING_POLL_MS: '50' })
  })
  afterAll(async () => {
    await moments.stop()
    await store.close()
  })

  it('deletes each object, clears the moment and publishes the receipt once the trash days are over', async () => {
    const { robotId, owner } = await moments.cast()
    const file = await photo()
    const media = await uploadAll(moments.service, robotId, [file, metadata()])
    const hosted = { kind: 'video' as const, uri: 'https://robots.example/v.mp4' }
    const { body, moment } = await newMoment(robotId, {
      title: 'Gone soon',
      features: { a: 1 },
      media: [...media, hosted],
    })
    const keys = await keysOf(robotId)
    expect(keys).toHaveLength(3)
    const url = moment.media[0]?.uri ?? ''
    await deleteDaysAgo(moment.uuid, 31)
    const [receipt] = await eventually(async () => {
      const receipts = await receiptsOf(moment.uuid)
      expect(receipts).toHaveLength(1)
      return receipts
    })
    expect(receipt?.entityversion).toBe(2)
    expect(receipt?.data).toMatchObject({ uuid: moment.uuid, robotUUID: robotId, sourceId: body.sourceId })
    const named = receipt?.data.media ?? []
    expect(named.flatMap(({ objectKey }) => objectKey ?? []).sort()).toEqual(keys)
    expect(named).toHaveLength(4)
    expect(named[0]?.sha256).toBe(announcementOf(file).sha256)
    expect(await keysOf(robotId)).toEqual([])
    expect(await mediaOf(moment.uuid)).toEqual([])
    expect(await rowOf(moment.uuid)).toMatchObject({
      title: null,
      features: null,
      version: 2,
      last_change: 'purged',
      purged_at: expect.any(Date),
    })
    expect((await send({ url })).status).toBe(404)
    expect((await owner.get(`/media/${moment.media[0]?.uuid}`)).status).toBe(404)
    expect((await moments.service.post('/moments', body)).status).toBe(410)
  })

  it('leaves moments alone that are pinned, deleted less than thirty days ago, or not deleted', async () => {
    const robotId = randomUUID()
    const [pinned, fresh, live, due] = [
      await newMoment(robotId),
      await newMoment(robotId),
      await newMoment(robotId),
      await newMoment(robotId),
    ]
    await deleteDaysAgo(pinned.moment.uuid, 400, { pinned: true })
    await deleteDaysAgo(fresh.moment.uuid, 29)
    await deleteDaysAgo(due.moment.uuid, 31)
    await eventually(async () => expect(await receiptsOf(due.moment.uuid)).toHaveLength(1))
    for (const { moment } of [pinned, fresh, live]) {
      expect(await rowOf(moment.uuid)).toMatchObject({ purge_started_at: null, purged_at: null, version: 1 })
      expect(await mediaOf(moment.uuid)).toHaveLength(1)
    }
  })

  it('is resumed after a crash in the middle, also when objects are gone already', async () => {
    const robotId = randomUUID()
    const { moment } = await newMoment(robotId, {
      media: await uploadAll(moments.service, robotId, [metadata(), metadata()]),
    })
    const keys = await keysOf(robotId)
    const [first = ''] = keys
    await store.delete(first)
    await moments.db
      .updateTable('moment')
      .set({ deleted_at: new Date(), purge_started_at: new Date(Date.now() - 120_000) })
      .where('id', '=', moment.uuid)
      .execute()
    await eventually(async () => expect(await receiptsOf(moment.uuid)).toHaveLength(1))
    const [receipt] = await receiptsOf(moment.uuid)
    expect(receipt?.data.media.map(({ objectKey }) => objectKey).sort()).toEqual(keys)
    expect(await keysOf(robotId)).toEqual([])
  })

  it('publishes one receipt when several workers purge at once', async () => {
    const robotId = randomUUID()
    const stored = await Promise.all(Array.from({ length: 30 }, () => newMoment(robotId)))
    await Promise.all(stored.map(({ moment }) => deleteDaysAgo(moment.uuid, 31)))
    const deps = { db: moments.db, store, clock: () => new Date(), trashDays: 30 }
    await Promise.all(Array.from({ length: 4 }, () => purgeMoments(deps)))
    await eventually(async () => {
      for (const { moment } of stored) expect(await receiptsOf(moment.uuid)).toHaveLength(1)
    })
  })

  it('publishes no receipt while the store keeps an object, and goes on later', async () => {
    const robotId = randomUUID()
    const { moment } = await newMoment(robotId, { media: await uploadAll(moments.service, robotId, [metadata()]) })
    const now = new Date()
    // So that the worker of the platform leaves it to this test.
    await moments.db
      .updateTable('moment')
      .set({ deleted_at: now, purge_started_at: new Date(now.getTime() + 3_600_000) })
      .where('id', '=', moment.uuid)
      .execute()
    const later = () => new Date(now.getTime() + 2 * 3_600_000)
    const stubborn: MediaStore = { ...store, delete: async () => {}, exists: store.exists }
    const deps = { db: moments.db, clock: later, trashDays: 30 }
    await expect(purgeMoments({ ...deps, store: stubborn })).rejects.toThrow('still has an object')
    expect(await receiptsOf(moment.uuid)).toEqual([])
    expect(await mediaOf(moment.uuid)).toHaveLength(1)
    const afterLease = () => new Date(later().getTime() + 61_000)
    expect(await purgeMoments({ ...deps, clock: afterLease, store })).toBe(true)
    expect(await keysOf(robotId)).toEqual([])
    expect(await mediaOf(moment.uuid)).toEqual([])
  })

  it('publishes one receipt when a worker takes over from one that is slow', async () => {
    const robotId = randomUUID()
    const { moment } = await newMoment(robotId, { media: await uploadAll(moments.service, robotId, [metadata()]) })
    const now = Date.now()
    // So that the worker of the platform leaves it to this test.
    await moments.db
      .updateTable('moment')
      .set({ deleted_at: new Date(now), purge_started_at: new Date(now + 3_600_000) })
      .where('id', '=', moment.uuid)
      .execute()
    const deps = { db: moments.db, store, trashDays: 30 }
    const [firstAt, secondAt] = [new Date(now + 7_200_000), new Date(now + 7_300_000)]
    let isTaken = false
    const slow: MediaStore = {
      ...store,
      delete: async (key) => {
        if (!isTaken) {
          isTaken = true
          expect(await purgeMoments({ ...deps, clock: () => secondAt })).toBe(true)
        }
        await store.delete(key)
      },
    }
    expect(await purgeMoments({ ...deps, store: slow, clock: () => firstAt })).toBe(true)
    expect(isTaken).toBe(true)
    expect(await receiptsOf(moment.uuid)).toHaveLength(1)
    expect(await rowOf(moment.uuid)).toMatchObject({ version: 2, purged_at: secondAt })
  })

  it('takes moments at once that an erasure sends, pinned and live ones too', async () => {
    const robotId = randomUUID()
    const media = await uploadAll(moments.service, robotId, [metadata()])
    const [live, pinned] = [await newMoment(robotId, { media }), await newMoment(robotId)]
    await moments.db.updateTable('moment').set({ pinned: true }).where('id', '=', pinned.moment.uuid).execute()
    const ids = [live.moment.uuid, pinned.moment.uuid]
    await sendToPurge(ids)
    await eventually(async () => {
      for (const id of ids) expect(await receiptsOf(id)).toHaveLength(1)
    })
    expect(await keysOf(robotId)).toEqual([])
  })

  it('leaves nothing of a file that is uploaded again after its moment was purged', async () => {
    const robotId = randomUUID()
    const file = metadata()
    const media = await uploadAll(moments.service, robotId, [file])
    const { moment } = await newMoment(robotId, { media })
    const [key = ''] = await keysOf(robotId)
    await sendToPurge([moment.uuid])
    await eventually(async () => expect(await receiptsOf(moment.uuid)).toHaveLength(1))
    await store.write(key, file.body, file.contentType)
    await moments.db
      .updateTable('upload')
      .set({ url_expires_at: new Date(Date.now() - 3_600_000) })
      .where('robot_id', '=', robotId)
      .execute()
    await eventually(async () => expect(await keysOf(robotId)).toEqual([]))
  })

  it('forgets tombstones after a year, so that the same capture is new again', async () => {
    const { body, moment } = await newMoment(randomUUID())
    await moments.db
      .updateTable('moment')
      .set({ deleted_at: new Date(), purge_started_at: new Date(), purged_at: new Date(Date.now() - 366 * DAY_MS) })
      .where('id', '=', moment.uuid)
      .execute()
    await eventually(async () => expect(await rowOf(moment.uuid)).toBeUndefined())
    expect((await moments.service.post('/moments', body)).status).toBe(201)
  })
})
