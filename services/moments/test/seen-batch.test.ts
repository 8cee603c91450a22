import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Person } from '@platform/testing/platform.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

const HOUR_MS = 3_600_000

/** How often a moment was seen, and whether the person has seen it. */
async function viewsOf(person: Person, id: string) {
  const { body } = await person.get<Moment>(`/moments/${id}`)
  return [body.viewCounter, body.seen]
}

describe('PUT /moments/seen', () => {
  it('counts one view of each moment that is new to the caller, and passes over the others', async () => {
    const [first, second, trashed] = await Promise.all([1, 2, 3].map(() => moments.moment(cast.robotId)))
    const foreign = await moments.moment((await moments.cast()).robotId)
    if (!first || !second || !trashed) throw new Error('A moment is missing.')
    await cast.owner.delete(`/moments/${trashed}`)
    await cast.viewer.put(`/moments/${first}/seen`)
    const momentUUIDs = [first, second, second.toUpperCase(), trashed, foreign, randomUUID()]
    for (let i = 0; i < 2; i++) {
      expect((await cast.viewer.put('/moments/seen', { momentUUIDs })).status).toBe(204)
    }
    expect(await viewsOf(cast.viewer, first)).toEqual([1, true])
    expect(await viewsOf(cast.viewer, second)).toEqual([1, true])
    expect(await viewsOf(cast.owner, second)).toEqual([1, false])
    const marks = await moments.db
      .selectFrom('mark')
      .select('moment_id')
      .where('user_id', '=', cast.viewer.id)
      .where('moment_id', 'in', [trashed, foreign])
      .execute()
    expect(marks).toEqual([])
  })

  it('marks what the caller may see of a robot up to a time, over many chunks', async () => {
    const { robotId, owner, lateViewer, visibleFrom } = await moments.cast()
    const now = Date.now()
    const capture = (agoMs: number) => moments.moment(robotId, { capturedAt: new Date(now - agoMs) })
    const until = new Date(now - HOUR_MS / 2)
    const hidden = await moments.moment(robotId, { capturedAt: new Date(visibleFrom.getTime() - 1) })
    const first = await moments.moment(robotId, { capturedAt: visibleFrom })
    const atEnd = await moments.moment(robotId, { capturedAt: until })
    const later = await capture(HOUR_MS / 2 - 1)
    await moments.db
      .insertInto('moment')
      .values(
        Array.from({ length: 1_100 }, (_, i) => ({
          id: randomUUID(),
          robot_id: robotId,
          source_id: `bulk ${i}`,
          type: 'photo',
          // Several at one time, so that chunks end between them.
          captured_at: new Date(until.getTime() - 10 * Math.floor(i / 7)),
          time_zone: 'UTC',
          local_at: '2026-01-01 00:00:00',
          created_at: new Date(),
          updated_at: new Date(),
        })),
      )
      .execute()
    for (let i = 0; i < 2; i++) {
      const { status } = await lateViewer.put('/moments/seen', { robotUUID: robotId, until: until.toISOString() })
      expect(status).toBe(204)
    }
    for (const id of [first, atEnd]) expect(await viewsOf(lateViewer, id)).toEqual([1, true])
    expect(await viewsOf(owner, hidden)).toEqual([0, false])
    expect(await viewsOf(lateViewer, later)).toEqual([0, false])
    const counters = await moments.db
      .selectFrom('moment')
      .select(({ fn }) => ['view_counter', fn.countAll<number>().as('count')])
      .where('robot_id', '=', robotId)
      .groupBy('view_counter')
      .orderBy('view_counter')
      .execute()
    expect(counters).toEqual([
      { view_counter: 0, count: 2 },
      { view_counter: 1, count: 1_102 },
    ])
  })

  it('counts a moment once when the caller marks it several times at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => moments.moment(cast.robotId)))
    const until = new Date().toISOString()
    const answers = await Promise.all([
      ...Array.from({ length: 4 }, () => cast.viewer.put('/moments/seen', { momentUUIDs: ids })),
      ...Array.from({ length: 4 }, () => cast.viewer.put('/moments/seen', { momentUUIDs: ids.toReversed() })),
      ...Array.from({ length: 2 }, () => cast.viewer.put('/moments/seen', { robotUUID: cast.robotId, until })),
    ])
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 204))
    for (const id of ids) expect(await viewsOf(cast.viewer, id)).toEqual([1, true])
  })

  it('takes exactly one of both forms', async () => {
    const [momentUUIDs, robotUUID, until] = [[randomUUID()], cast.robotId, new Date().toISOString()]
    const tooMany = Array.from({ length: 101 }, () => randomUUID())
    const wrong = [
      {},
      { robotUUID },
      { until },
      { momentUUIDs, robotUUID, until },
      { momentUUIDs, until },
      { momentUUIDs: [] },
      { momentUUIDs: tooMany },
      { momentUUIDs: ['no-uuid'] },
      { robotUUID, until: 'now' },
      { robotUUID, until: '2016-12-31T23:59:60Z' },
    ]
    for (const body of wrong) expect([body, (await cast.viewer.put('/moments/seen', body)).status]).toEqual([body, 400])
  })

  it('refuses an unknown robot and one on which the caller has no right', async () => {
    const until = new Date().toISOString()
    expect((await cast.viewer.put('/moments/seen', { robotUUID: randomUUID(), until })).status).toBe(404)
    for (const person of [cast.revoked, cast.stranger]) {
      const { status, body } = await person.put('/moments/seen', { robotUUID: cast.robotId, until })
      expect([status, body.errors[0]?.message]).toEqual([403, "No permission to view robot's activity"])
    }
  })
})

describe('DELETE /moments/{momentUUID}/seen', () => {
  it("removes the caller's own mark and leaves the counter, and is idempotent", async () => {
    const id = await moments.moment(cast.robotId)
    for (const person of [cast.owner, cast.viewer]) await person.put(`/moments/${id}/seen`)
    for (let i = 0; i < 2; i++) expect((await cast.viewer.delete(`/moments/${id}/seen`)).status).toBe(204)
    expect(await viewsOf(cast.viewer, id)).toEqual([2, false])
    expect(await viewsOf(cast.owner, id)).toEqual([2, true])
    await cast.viewer.put('/moments/seen', { momentUUIDs: [id] })
    expect(await viewsOf(cast.viewer, id)).toEqual([3, true])
  })

  it('works after the right is lost', async () => {
    const { robotId, viewer } = await moments.cast()
    const id = await moments.moment(robotId)
    await viewer.put(`/moments/${id}/seen`)
    await moments.revoke(robotId, viewer)
    expect((await viewer.delete(`/moments/${id}/seen`)).status).toBe(204)
    await moments.grant(robotId, viewer)
    expect(await viewsOf(viewer, id)).toEqual([1, false])
  })

  it('answers 204 for an unknown moment and 400 for a text that is no UUID', async () => {
    expect((await cast.viewer.delete(`/moments/${randomUUID()}/seen`)).status).toBe(204)
    const { status, body } = await cast.viewer.delete('/moments/no-uuid/seen')
    expect([status, body.errors[0]?.message]).toEqual([400, 'Invalid Moment UUID'])
  })
})
