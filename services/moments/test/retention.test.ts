import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { retainBatch, startRetention } from '../src/trash/retention.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const DAY_MS = 86_400_000
const at = new Date()
const daysAgo = (days: number) => new Date(at.getTime() - days * DAY_MS)

/** Moves all of a robot's moments that are due, and returns how many each batch had. */
async function retain(robotId: string, limits: { retention_days?: number; max_moments?: number }): Promise<number[]> {
  const batches: number[] = []
  for (;;) {
    const robot = { id: robotId, retention_days: null, max_moments: null, ...limits }
    const moved = await retainBatch(moments.db, robot, at)
    if (moved === 0) return batches
    batches.push(moved)
  }
}

const liveOf = async (robotId: string) => {
  const rows = await moments.db
    .selectFrom('moment')
    .select('id')
    .where('robot_id', '=', robotId)
    .where('deleted_at', 'is', null)
    .execute()
  return new Set(rows.map(({ id }) => id))
}

describe('retention', () => {
  it("moves moments that are older than the days of their robot to the trash, in no user's name", async () => {
    const { robotId, owner } = await moments.cast()
    const old = await moments.moment(robotId, { capturedAt: new Date(daysAgo(7).getTime() - 1) })
    const kept = [
      await moments.moment(robotId, { capturedAt: daysAgo(7) }),
      await moments.moment(robotId, { capturedAt: daysAgo(90), pinned: true }),
    ]
    const other = await moments.cast()
    const foreign = await moments.moment(other.robotId, { capturedAt: daysAgo(90) })
    expect(await retain(robotId, { retention_days: 7 })).toEqual([1])
    expect(await liveOf(robotId)).toEqual(new Set(kept))
    expect(await liveOf(other.robotId)).toEqual(new Set([foreign]))
    const { body } = await owner.get<{ data: { uuid: string; deletedAt: string }[] }>('/moments/trash')
    expect(body.data.map(({ uuid, deletedAt }) => [uuid, deletedAt])).toEqual([[old, at.toISOString()]])
    const row = await moments.db.selectFrom('moment').selectAll().where('id', '=', old).executeTakeFirstOrThrow()
    expect(row).toMatchObject({ deleted_by: null, version: 2, last_change: 'deleted' })
    const actions = await moments.db.selectFrom('moment_action').select('id').where('robot_id', '=', robotId).execute()
    expect(actions).toEqual([])
  })

  it('keeps the newest moments up to the number of their robot, beside the pinned ones', async () => {
    const { robotId } = await moments.cast()
    const ids = []
    for (let i = 0; i < 6; i++) {
      ids.push(await moments.moment(robotId, { capturedAt: daysAgo(i), pinned: i === 1 || i === 5 }))
    }
    expect(await retain(robotId, { max_moments: 2 })).toEqual([2])
    expect(await liveOf(robotId)).toEqual(new Set([ids[0], ids[1], ids[2], ids[5]]))
  })

  it('moves many in batches, and leaves a restored moment where it is', async () => {
    const { robotId, owner } = await moments.cast()
    const ids = await Promise.all(
      Array.from({ length: 120 }, () => moments.moment(robotId, { capturedAt: daysAgo(30) })),
    )
    expect(await retain(robotId, { retention_days: 7 })).toEqual([100, 20])
    const [id] = ids
    expect((await owner.post('/moments/restore', { momentUUIDs: [id] })).status).toBe(204)
    expect(await retain(robotId, { retention_days: 7, max_moments: 1 })).toEqual([])
    expect(await liveOf(robotId)).toEqual(new Set([id]))
  })

  it('goes through all robots that have limits, and publishes each delete', async () => {
    const robots = [await moments.robot(), await moments.robot(), await moments.robot()]
    const ids = await Promise.all(robots.map((robotId) => moments.moment(robotId, { capturedAt: daysAgo(9) })))
    const [days, number, unlimited] = robots
    const limit = (robotId: string | undefined, limits: { retention_days?: number; max_moments?: number }) =>
      moments.db
        .updateTable('robot')
        .set(limits)
        .where('id', '=', robotId ?? '')
        .execute()
    await limit(days, { retention_days: 8 })
    await limit(number, { max_moments: 1 })
    await moments.moment(number ?? '')
    let published = 0
    const work = startRetention({
      db: moments.db,
      clock: () => at,
      log: createLogger({ service: 'test', level: 'silent', format: 'json' }),
      onPublished: () => published++,
    })
    try {
      for (const id of ids.slice(0, 2)) {
        await eventually(async () => {
          const { rows } = await onServer(moments.platform.database.adminUrl, (client) =>
            client.query<{ value: string }>('select value from event_log.record where key = $1', [id]),
          )
          expect(rows.map(({ value }) => JSON.parse(value))).toMatchObject([
            { type: 'moments.moment.deleted', entityversion: 2, data: { uuid: id } },
          ])
        })
      }
    } finally {
      await work.stop()
    }
    expect(published).toBe(2)
    expect(await liveOf(unlimited ?? '')).toEqual(new Set(ids.slice(2)))
  })
})
