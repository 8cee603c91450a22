import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eraseOnce } from '@platform/erasure/erase.ts'
import { addErasureJob } from '@platform/erasure/jobs.ts'
import type { ServiceCaller } from '@platform/testing/service-client.ts'
import { refreshPriorCounts } from '../src/smart/prior-counts.ts'
import type { SmartFeedPage } from '../src/smart/shapes.ts'
import { currentSnapshot } from '../src/smart/snapshots.ts'
import { purgeSnapshots, smartErasureSteps } from '../src/smart/upkeep.ts'
import { readFilter } from '../src/timeline/filter.ts'
import { deleteMoments, restoreMoments, setAccess } from './mutations.ts'
import { type SmartHarness, startSmartHarness } from './smart-harness.ts'

let smart: SmartHarness
beforeAll(async () => {
  smart = await startSmartHarness()
})
afterAll(() => smart.stop())

const snapshotOf = async (caller: ServiceCaller, query?: string) => (await smart.first(caller, query)).snapshot

/** A user with ten moments and a snapshot of them. */
async function scene() {
  const { caller, robotId } = await smart.user()
  const ids = await smart.moments(robotId, 10)
  const built = await snapshotOf(caller)
  const [first = ''] = ids
  return { caller, robotId, ids, first, built }
}
const countOf = async (caller: ServiceCaller) => {
  const { db } = smart.database
  const rows = await db.selectFrom('smart_snapshot').select('id').where('user_id', '=', caller.id).execute()
  return rows.length
}

describe('a snapshot of the smart feed', () => {
  it('serves first pages for 15 minutes, and is built again then', async () => {
    const { caller, built } = await scene()
    smart.advance(14.99)
    expect(await snapshotOf(caller)).toBe(built)
    smart.advance(0.01)
    expect(await snapshotOf(caller)).not.toBe(built)
  })

  it('is built again for three new moments, and not for two', async () => {
    const { caller, robotId, built } = await scene()
    await smart.moments(robotId, 2)
    expect(await snapshotOf(caller)).toBe(built)
    await smart.moments(robotId, 1)
    const page = await smart.first(caller)
    expect(page.snapshot).not.toBe(built)
    expect(page.count + page.data.reduce((sum, { similarCount }) => sum + similarCount, 0)).toBe(13)
  })

  it('is built again for a single moment when it is empty', async () => {
    const { caller, robotId } = await smart.user()
    expect(await smart.first(caller)).toMatchObject({ data: [], count: 0 })
    const [id] = await smart.moments(robotId, 1)
    expect((await smart.first(caller)).data.map(({ uuid }) => uuid)).toEqual([id])
  })

  it('is not built again for new moments that the filter leaves out, nor for old captures that arrive late', async () => {
    const { caller, robotId } = await scene()
    const built = await snapshotOf(caller, '&filter[type]=photo')
    await smart.moments(robotId, 5, 'video')
    const late = await smart.moments(robotId, 5)
    const longAgo = new Date(smart.now().getTime() - 31 * 86_400_000)
    await smart.database.db.updateTable('moment').set({ captured_at: longAgo }).where('id', 'in', late).execute()
    expect(await snapshotOf(caller, '&filter[type]=photo')).toBe(built)
  })

  it('is built again for moments that come back from the trash, unless they went there since', async () => {
    const { caller, ids, built } = await scene()
    const { db } = smart.database
    const some = ids.slice(0, 3)
    await deleteMoments(db, some)
    expect(await smart.first(caller)).toMatchObject({ snapshot: built, count: 7 })
    await restoreMoments(db, some)
    expect(await smart.first(caller)).toMatchObject({ snapshot: built, count: 10 })
    await deleteMoments(db, some)
    smart.advance(15)
    const without = await snapshotOf(caller)
    await restoreMoments(db, some)
    const page = await smart.first(caller)
    expect([page.snapshot === without, page.count]).toEqual([false, 10])
  })

  it.each([
    ['feedback', (caller: ServiceCaller, id: string) => caller.put(`/moments/${id}/feedback`, { feedback: 1 })],
    ['a share', (caller: ServiceCaller, id: string) => caller.put(`/moments/${id}/share`)],
    ['a delete', (caller: ServiceCaller, id: string) => caller.delete(`/moments/${id}`)],
  ])('is built again for %s', async (_, act) => {
    const { caller, first, built } = await scene()
    expect((await act(caller, first)).status).toBeLessThan(300)
    expect(await snapshotOf(caller)).not.toBe(built)
  })

  it('is built again when feedback is taken back, and not when a moment is seen', async () => {
    const { caller, first } = await scene()
    await caller.put(`/moments/${first}/feedback`, { feedback: 1 })
    const liked = await snapshotOf(caller)
    smart.advance(1)
    await caller.put(`/moments/${first}/seen`)
    expect(await snapshotOf(caller)).toBe(liked)
    await caller.put(`/moments/${first}/feedback`, { feedback: 0 })
    expect(await snapshotOf(caller)).not.toBe(liked)
  })

  it('is built again when the user gets a right on another robot', async () => {
    const { caller, built } = await scene()
    const other = await smart.user()
    const [id] = await smart.moments(other.robotId, 1)
    await setAccess(smart.database.db, { robotId: other.robotId, userId: caller.id }, 'viewer')
    const page = await smart.first(caller)
    expect(page.snapshot).not.toBe(built)
    expect(page.data.map(({ uuid }) => uuid)).toContain(id)
  })

  it('is one for all requests at once, on whatever connection they come', async () => {
    const { caller, robotId } = await smart.user()
    await smart.moments(robotId, 30)
    const feed = { userId: caller.id, filter: readFilter({}), now: smart.now() }
    const built = await Promise.all([
      ...Array.from({ length: 3 }, () => currentSnapshot(smart.database.db, feed)),
      ...Array.from({ length: 3 }, async () => ({ id: await snapshotOf(caller) })),
    ])
    expect(new Set(built.map(({ id }) => id)).size).toBe(1)
    expect(await countOf(caller)).toBe(1)
  })

  it('can be read on while it is among the last three of its feed, for 24 hours', async () => {
    const { caller, ids, first, built } = await scene()
    const readOn = (snapshot: string) =>
      caller.get<SmartFeedPage>(`/moments/smart?limit=1&startUUID=${first}&snapshot=${snapshot}`)
    // A feed with another filter does not count.
    await smart.first(caller, '&filter[type]=photo')
    for (const id of ids.slice(1, 3)) {
      await caller.put(`/moments/${id}/share`)
      expect(await snapshotOf(caller)).not.toBe(built)
      expect((await readOn(built)).body).toMatchObject({ snapshot: built, data: [{ uuid: first }] })
    }
    await caller.put(`/moments/${ids[3]}/share`)
    const newest = await snapshotOf(caller)
    expect((await readOn(built)).status).toBe(404)
    expect(await countOf(caller)).toBe(4)
    smart.advance(24 * 60 - 1)
    expect((await readOn(newest)).status).toBe(200)
    smart.advance(1)
    expect((await readOn(newest)).status).toBe(404)
    await smart.database.db.transaction().execute((trx) => purgeSnapshots(trx, smart.now()))
    expect(await countOf(caller)).toBe(0)
  })

  it('is kept for at most 100 of a user, however many filters there are', async () => {
    const { caller } = await smart.user()
    for (let n = 0; n < 103; n++) await smart.first(caller, `&filter[type]=${n}`)
    expect(await countOf(caller)).toBe(100)
  })

  it("goes with the person's erasure, and others' snapshots stay", async () => {
    const [{ caller }, other] = [await scene(), await scene()]
    const { db } = smart.database
    await db
      .transaction()
      .execute((trx) => addErasureJob(trx, { erasureId: caller.id, userId: caller.id, requestedAt: smart.now() }))
    const report = async () => {}
    const part = { clock: smart.now, batchSize: 10, steps: smartErasureSteps, report }
    while (await eraseOnce({ db, ...part }));
    expect([await countOf(caller), await countOf(other.caller)]).toEqual([0, 1])
  })
})

describe('the counts of all users', () => {
  it("are refreshed from marks by type and hour, at most 200 of one user's, and not twice in four minutes", async () => {
    const { db } = smart.database
    const { caller, robotId } = await smart.user()
    const type = `type ${robotId}`
    const ids = await smart.moments(robotId, 210, type)
    const mark = (id: string, feedback: number) => ({
      ...{ user_id: caller.id, moment_id: id, feedback, updated_at: smart.now() },
    })
    await db
      .insertInto('mark')
      .values(ids.map((id, n) => mark(id, n % 3 === 0 ? -1 : 1)))
      .execute()
    const counted = async () => {
      const rows = await db.selectFrom('smart_prior').selectAll().where('type', '=', type).execute()
      expect(rows.every(({ hour_bin }) => hour_bin >= 0 && hour_bin < 6)).toBe(true)
      const sum = (key: 'likes' | 'dislikes') => rows.reduce((total, row) => total + row[key], 0)
      return sum('likes') + sum('dislikes')
    }
    smart.advance(10)
    await refreshPriorCounts(db, smart.now())
    expect(await counted()).toBe(200)
    await db.deleteFrom('mark').where('user_id', '=', caller.id).execute()
    smart.advance(3)
    await refreshPriorCounts(db, smart.now())
    expect(await counted()).toBe(200)
    smart.advance(1)
    await refreshPriorCounts(db, smart.now())
    expect(await counted()).toBe(0)
  })
})
