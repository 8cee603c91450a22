import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { MomentActionState, MomentState } from '@platform/contracts/moments.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { runAtOnce } from './at-once.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

/** Returns what was published under a key, in order. */
async function published<D>(key: string): Promise<CloudEvent<D>[]> {
  const { rows } = await onServer(moments.platform.database.adminUrl, (client) =>
    client.query<{ value: string }>('select value from event_log.record where key = $1 order by "offset"', [key]),
  )
  return rows.map(({ value }) => JSON.parse(value))
}

const brief = (events: CloudEvent[]) => events.map(({ type, entityversion }) => `${type} ${entityversion}`)

describe('what the commands publish', () => {
  it('is each pin, delete and restore as a whole state that names the media, without holes', async () => {
    const { robotId, owner } = await moments.cast()
    const id = await moments.moment(robotId)
    await owner.put(`/moments/${id}/pin`)
    await owner.put(`/moments/${id}/pin`)
    await owner.delete(`/moments/${id}/pin`)
    await owner.delete(`/moments/${id}/pin`)
    await owner.delete('/moments', { momentUUIDs: [id] })
    await owner.post('/moments/restore', { momentUUIDs: [id] })
    const events = await eventually(async () => {
      const found = await published<MomentState>(id)
      expect(found.length).toBeGreaterThanOrEqual(4)
      return found
    })
    expect(brief(events)).toEqual([
      'moments.moment.changed 2',
      'moments.moment.changed 3',
      'moments.moment.deleted 4',
      'moments.moment.restored 5',
    ])
    const [pinned, unpinned, deleted, restored] = events
    expect([pinned?.data.pinned, unpinned?.data.pinned]).toEqual([true, false])
    expect(deleted).toMatchObject({
      actorid: owner.id,
      data: { uuid: id, robotUUID: robotId, deletedAt: expect.any(String), media: [{ kind: 'image', bytes: 4 }] },
    })
    expect(restored?.data.deletedAt).toBeUndefined()
  })

  it('is each action under its robot, in order of time', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const ids = [await moments.moment(robotId), await moments.moment(robotId)]
    await viewer.put(`/moments/${ids[0]}/feedback`, { feedback: 1 })
    await viewer.put(`/moments/${ids[1]}/share`)
    await owner.delete('/moments', { momentUUIDs: ids })
    const events = await eventually(async () => {
      const found = await published<MomentActionState>(robotId)
      expect(found.length).toBeGreaterThanOrEqual(4)
      return found
    })
    expect(brief(events)).toEqual(events.map(() => 'moments.action.recorded 1'))
    expect(events.map(({ data }) => data.action)).toEqual(['like', 'share', 'delete', 'delete'])
    const times = events.map(({ data }) => data.at)
    expect(times).toEqual([...new Set(times)].toSorted())
    for (const { subject, data } of events) expect([data.uuid, data.robotUUID]).toEqual([subject, robotId])
  })

  it('is counts in batches, also while the moment is seen all the time', async () => {
    const { robotId, viewer } = await moments.cast()
    const id = await moments.moment(robotId)
    let views = 0
    await eventually(async () => {
      // A moment that is locked by views all the time is published nevertheless.
      await runAtOnce(Array.from({ length: 40 }, () => () => viewer.put(`/moments/${id}/seen`)))
      views += 40
      expect((await published(id)).length).toBeGreaterThan(0)
    })
    const events = await eventually(async () => {
      const found = await published<MomentState>(id)
      expect(found.at(-1)?.data.viewCounter).toBe(views)
      return found
    })
    expect(brief(events)).toEqual(events.map((_, i) => `moments.moment.changed ${i + 2}`))
    expect(events.length).toBeLessThan(views / 2)
    const row = await moments.db.selectFrom('moment').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    expect(row).toMatchObject({ has_new_counts: false, last_change: 'changed', version: events.length + 1 })
  })

  it('is the counts of more moments than a batch has', async () => {
    const { robotId, viewer } = await moments.cast()
    const ids = await Promise.all(Array.from({ length: 130 }, () => moments.moment(robotId)))
    for (const momentUUIDs of [ids.slice(0, 65), ids.slice(65)]) await viewer.put('/moments/seen', { momentUUIDs })
    await eventually(async () => {
      const left = await moments.db
        .selectFrom('moment')
        .select('id')
        .where('robot_id', '=', robotId)
        .where((eb) => eb.or([eb('has_new_counts', '=', true), eb('version', '=', 1)]))
        .execute()
      expect(left).toEqual([])
    })
    for (const id of [ids[0], ids[129]]) {
      expect(await eventually(async () => (await published<MomentState>(id ?? ''))[0]?.data.viewCounter)).toBe(1)
    }
  })
})
