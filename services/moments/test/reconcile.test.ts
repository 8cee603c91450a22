import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { findObjectStore } from '@platform/testing/object-store.ts'
import type { Db, MomentsTables } from '../src/db/schema.ts'
import { mediaKey } from '../src/media/store/media-key.ts'
import type { MediaStore } from '../src/media/store/media-store.ts'
import { reconcile } from '../src/reconcile/reconcile.ts'
import { listAll, openStore, storesOn } from './captures.ts'

const DAY_MS = 86_400_000

let database: TestDatabase
let db: Db
let close: () => Promise<void>
let store: MediaStore

const newKey = () => mediaKey({ robotId: randomUUID(), groupId: randomUUID(), mediaId: randomUUID() })
const put = async (key = newKey()) => {
  await store.write(key, Buffer.from(key), 'text/plain')
  return key
}
const keys = async () => (await listAll(store)).map(({ key }) => key)
/** Compares as if a day and an hour had passed since the objects were written. */
const compare = (isFix: boolean, ageMs = DAY_MS + 3_600_000) =>
  reconcile({ db, store, now: new Date(Date.now() + ageMs), pageSize: 3 }, isFix)

async function addMedia(object_key: string): Promise<string> {
  const [robotId, momentId] = [randomUUID(), randomUUID()]
  const now = new Date()
  await db.insertInto('robot').values({ id: robotId, created_at: now, updated_at: now }).execute()
  await db
    .insertInto('moment')
    .values({
      id: momentId,
      robot_id: robotId,
      source_id: momentId,
      type: 'photo',
      captured_at: now,
      time_zone: 'UTC',
      local_at: '2026-01-01 00:00:00',
      created_at: now,
      updated_at: now,
    })
    .execute()
  const id = randomUUID()
  await db.insertInto('media').values({ id, moment_id: momentId, position: 0, kind: 'metadata', object_key }).execute()
  return id
}

const addUpload = (object_key: string) =>
  db
    .insertInto('upload')
    .values({
      id: randomUUID(),
      robot_id: randomUUID(),
      kind: 'metadata',
      content_type: 'text/plain',
      bytes: 1,
      sha256: 'a'.repeat(64),
      object_key,
      url_expires_at: new Date(),
      created_at: new Date(),
    })
    .execute()

describe.each(storesOn(findObjectStore()))('reconciliation on $on', ({ newStore }) => {
  beforeAll(async () => {
    store = openStore(await newStore())
    database = await cloneDatabase()
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    ;({ db, close } = openDatabase<MomentsTables>({
      url: database.urlFor('moments'),
      applicationName: 'test',
      log,
      poolSize: 2,
    }))
  })
  afterAll(async () => {
    await close()
    await store.close()
    await database.drop()
  })

  it('finds nothing when store and rows agree', async () => {
    for (let i = 0; i < 8; i++) await addMedia(await put())
    expect(await compare(true)).toMatchObject({ objects: 8, orphans: 0, rows: 8, missing: [], deleted: 0 })
  })

  it('reports orphans, and deletes them only when told to, a second run finding none', async () => {
    const orphans = [await put(), await put(), await put(), await put()]
    expect(await compare(false)).toMatchObject({ objects: 12, orphans: 4, deleted: 0 })
    expect(await keys()).toHaveLength(12)
    expect(await compare(true)).toMatchObject({ objects: 12, orphans: 4, deleted: 4, isRefused: false })
    expect(await keys()).not.toEqual(expect.arrayContaining([orphans[0]]))
    expect(await compare(true)).toMatchObject({ objects: 8, orphans: 0, deleted: 0 })
  })

  it('leaves young objects and announced uploads alone', async () => {
    const young = await put()
    expect(await compare(true, 0)).toMatchObject({ orphans: 0, deleted: 0 })
    await addUpload(young)
    expect(await compare(true)).toMatchObject({ orphans: 0, deleted: 0 })
    expect(await keys()).toContain(young)
  })

  it('reports rows without their object, and deletes no row', async () => {
    const key = newKey()
    const mediaId = await addMedia(key)
    expect(await compare(true)).toMatchObject({ missing: [expect.objectContaining({ mediaId, objectKey: key })] })
    await put(key)
    expect(await compare(true)).toMatchObject({ missing: [] })
  })

  it('leaves moments out that are being purged', async () => {
    const id = await addMedia(newKey())
    await db
      .updateTable('moment')
      .set({ deleted_at: new Date(), purge_started_at: new Date() })
      .where('id', '=', (of) => of.selectFrom('media').select('moment_id').where('media.id', '=', id))
      .execute()
    expect(await compare(false)).toMatchObject({ missing: [] })
  })

  it('refuses to delete more than half of all objects', async () => {
    const before = (await keys()).length
    for (let i = 0; i <= before; i++) await put()
    const report = await compare(true)
    expect(report).toMatchObject({ isRefused: true, deleted: 0, orphans: before + 1 })
    expect(await keys()).toHaveLength(2 * before + 1)
  })
})
