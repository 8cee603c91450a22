import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { momentPurged, type PurgeReceipt } from '@platform/contracts/moments.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findObjectStore } from '@platform/testing/object-store.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { MomentsTables } from '../src/db/schema.ts'
import { mediaKey } from '../src/media/store/media-key.ts'
import type { MediaStore } from '../src/media/store/media-store.ts'
import { reconcile } from '../src/reconcile/reconcile.ts'
import {
  announce,
  capture,
  listAll,
  metadata,
  openStore,
  photo,
  storesOn,
  type TestUpload,
  uploadAll,
} from './captures.ts'
import { send } from './media/clients.ts'
import { publishedUnder } from './published.ts'

let database: TestDatabase
let moments: Database<MomentsTables>
let processes: TestProcesses
let service: ServiceCaller
let store: MediaStore
let storeEnv: Record<string, string>

const DAY_MS = 86_400_000
const process = () => processes.get('moments')

/** Lets the time of all uploads be over, and waits until the cleaner is done with them. */
async function clean(): Promise<void> {
  await moments.db
    .updateTable('upload')
    .set({ url_expires_at: new Date(Date.now() - 3_600_000), abandoned_at: null })
    .execute()
  await eventually(async () => expect(await moments.db.selectFrom('upload').select('id').execute()).toEqual([]))
}

/** Asserts that store and rows agree: no orphan, however young, and no row without its object. */
async function expectAgreement(): Promise<void> {
  const now = new Date(Date.now() + 2 * DAY_MS)
  const { orphans, missing } = await reconcile({ db: moments.db, store, now }, false)
  expect({ orphans, missing }).toEqual({ orphans: 0, missing: [] })
}

/** Kills the process in the middle of `work`, which `isMiddle` recognizes, and restarts it. */
async function killDuring(work: Promise<unknown>[], isMiddle: () => Promise<boolean>): Promise<void> {
  await eventually(async () => expect(await isMiddle()).toBe(true), { everyMs: 1 })
  await process().kill()
  await Promise.allSettled(work)
  await process().restart()
}

/** Sends the first half of an upload. */
function beginUpload(upload: TestUpload | undefined, body: Uint8Array = new Uint8Array()) {
  if (!upload) throw new Error('There is no upload.')
  const { hostname, port, pathname, search } = new URL(upload.url)
  const { method, headers } = upload
  const req = request({ method, hostname, port, path: `${pathname}${search}`, headers, agent: false })
  req.on('error', () => {})
  req.write(body.subarray(0, body.length / 2))
  return req
}

const countOf = async (table: 'media' | 'moment' | 'upload') => {
  const { count } = await moments.db
    .selectFrom(table)
    .select((of) => of.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

describe.each(storesOn(findObjectStore()))('a crash of the service, with media on $on', ({ newStore }) => {
  beforeAll(async () => {
    database = await cloneDatabase()
    storeEnv = await newStore()
    store = openStore(storeEnv)
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    moments = openDatabase<MomentsTables>({
      url: database.urlFor('moments'),
      applicationName: 'test',
      log,
      poolSize: 2,
    })
    processes = await startProcesses({
      database,
      names: ['moments', 'gateway'],
      env: { moments: { ...storeEnv, HOUSEKEEPING_POLL_MS: '50' }, gateway: { RATE_LIMITS: 'off' } },
    })
    service = new ServiceCaller(process().url, TEST_ASSERTION_SECRET, { roles: ['service'] })
  })
  afterAll(async () => {
    await processes.stop()
    await moments.close()
    await store.close()
    await database.drop()
  })

  it('during uploads leaves no orphan, and each can be sent again', async () => {
    const robotId = randomUUID()
    const files = await Promise.all(Array.from({ length: 8 }, photo))
    const uploads = await announce(service, robotId, files)
    const uploadOf = (i: number) => send(uploads[i] ?? { url: '' }, files[i]?.body)
    const arrived = async () => (await listAll(store)).length
    // The last one is cut off in the middle of its body.
    const cutOff = beginUpload(uploads.at(-1), files.at(-1)?.body)
    await killDuring(
      uploads.slice(0, -1).map((_, i) => uploadOf(i)),
      async () => (await arrived()) > 0,
    )
    cutOff.destroy()
    expect(await arrived()).toBeLessThan(uploads.length)
    for (const i of uploads.keys()) {
      await eventually(async () => expect((await uploadOf(i)).status).toBe(200))
    }
    const media = uploads.map(({ uploadUUID }) => ({ kind: 'image' as const, uploadUUID }))
    expect((await service.post('/moments', capture(robotId, { media }))).status).toBe(201)
    await announce(service, robotId, files.slice(0, 2))
    await clean()
    await expectAgreement()
  })

  it('during commits leaves no orphan and no row without its object, and a repeat finds or makes each moment', async () => {
    const robotId = randomUUID()
    const bodies = await Promise.all(
      Array.from({ length: 24 }, async () =>
        capture(robotId, { media: await uploadAll(service, robotId, [await photo()]) }),
      ),
    )
    const before = await countOf('moment')
    await killDuring(
      bodies.map((body) => service.post('/moments', body)),
      async () => (await countOf('moment')) > before + 2,
    )
    const statuses = await Promise.all(bodies.map(async (body) => (await service.post('/moments', body)).status))
    expect(statuses.filter((status) => status !== 200 && status !== 201)).toEqual([])
    expect(statuses).toContain(200)
    expect(await countOf('moment')).toBe(before + 24)
    await clean()
    await expectAgreement()
    // Each moment has its photo and its thumbnail.
    const rows = await moments.db
      .selectFrom('media')
      .innerJoin('moment', 'moment.id', 'media.moment_id')
      .select('media.id')
      .where('moment.robot_id', '=', robotId)
      .execute()
    expect(rows).toHaveLength(48)
  })

  it('during cleaning leaves no orphan', async () => {
    const robotId = randomUUID()
    for (let i = 0; i < 10; i++)
      await uploadAll(
        service,
        robotId,
        Array.from({ length: 8 }, () => metadata()),
      )
    const before = await countOf('upload')
    await moments.db
      .updateTable('upload')
      .set({ url_expires_at: new Date(Date.now() - 3_600_000) })
      .execute()
    await killDuring([], async () => {
      const { count } = await moments.db
        .selectFrom('upload')
        .select((of) => of.fn.countAll<number>().as('count'))
        .where('abandoned_at', 'is', null)
        .executeTakeFirstOrThrow()
      return count < before
    })
    await clean()
    await expectAgreement()
  })

  it('during a purge leaves nothing behind, and every receipt is complete', async () => {
    const robotId = randomUUID()
    const purged = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const media = await uploadAll(service, robotId, [metadata(), metadata(), metadata()])
        return (await service.post<{ uuid: string }>('/moments', capture(robotId, { media }))).body.uuid
      }),
    )
    const keys = new Map(purged.map((id): [string, string[]] => [id, []]))
    for (const { moment_id, object_key } of await moments.db.selectFrom('media').selectAll().execute()) {
      if (object_key !== null) keys.get(moment_id)?.push(object_key)
    }
    const ofRobot = async () => (await listAll(store)).filter(({ key }) => key.startsWith(`${robotId}/`)).length
    expect(await ofRobot()).toBe(90)
    await moments.db
      .updateTable('moment')
      .set({ deleted_at: new Date(Date.now() - 31 * DAY_MS) })
      .where('robot_id', '=', robotId)
      .execute()
    await killDuring([], async () => (await ofRobot()) < 90)
    // The test ends the lease of the purge that was cut off, instead of waiting for it.
    await moments.db
      .updateTable('moment')
      .set({ purge_started_at: new Date(Date.now() - 3_600_000) })
      .where('purge_started_at', 'is not', null)
      .where('purged_at', 'is', null)
      .execute()
    await eventually(async () => {
      for (const id of purged) {
        const receipts = (await publishedUnder<PurgeReceipt>(database, id)).filter(
          ({ type }) => type === momentPurged.type,
        )
        expect(receipts.map(({ data }) => data.media.map(({ objectKey }) => objectKey).sort())).toEqual([
          keys.get(id)?.sort(),
        ])
      }
    })
    expect(await ofRobot()).toBe(0)
    await clean()
    await expectAgreement()
  })

  it('of the reconciliation loses nothing that has a row, and its next run finishes the work', async () => {
    const robotId = randomUUID()
    const media = await uploadAll(
      service,
      robotId,
      Array.from({ length: 8 }, () => metadata()),
    )
    expect((await service.post('/moments', capture(robotId, { media }))).status).toBe(201)
    const all = (await listAll(store)).length
    const orphans = Math.floor(all / 2)
    for (let i = 0; i < orphans; i++) {
      const key = mediaKey({ robotId, groupId: randomUUID(), mediaId: randomUUID() })
      await store.write(key, Buffer.from('orphan'), 'text/plain')
    }
    const child = run('reconcile-process.ts')
    await eventually(async () => expect((await listAll(store)).length).toBeLessThan(all + orphans), { everyMs: 1 })
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await listAll(store)).length).toBeGreaterThan(all)
    const again = run('reconcile-process.ts')
    expect(await once(again, 'exit')).toEqual([0, null])
    expect(await listAll(store)).toHaveLength(all)
    await clean()
    await expectAgreement()
  })

  it('does not keep the reconciliation command from its report', async () => {
    const child = run('../src/cli.ts', ['reconcile', '--fix'])
    const lines: string[] = []
    child.stdout.on('data', (chunk) => lines.push(String(chunk)))
    const [code] = await once(child, 'close')
    expect([code, lines.join('')]).toEqual([0, expect.stringMatching(/rows without their object: 0\ndeleted: 0/)])
  })

  const run = (file: string, args: string[] = []) =>
    spawn(globalThis.process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...args], {
      env: { ...storeEnv, DATABASE_URL: database.urlFor('moments') },
    })
})
