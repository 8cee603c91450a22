import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { MomentActionState } from '@platform/contracts/moments.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

interface ActionPage {
  data: MomentActionState[]
  nextSince?: string
  nextMomentUUID?: string
}

/** Reads a page after a position, as a robot does. */
async function pageAfter(robotId: string, { nextSince, nextMomentUUID }: Partial<ActionPage> = {}) {
  const query = new URLSearchParams()
  if (nextSince !== undefined) query.set('since', nextSince)
  if (nextMomentUUID !== undefined) query.set('sinceMomentUUID', nextMomentUUID)
  const { status, body } = await moments.service.get<ActionPage>(`/robots/${robotId}/moment-actions?${query}`)
  expect(status).toBe(200)
  return body
}

/** Reads pages until one is empty. */
async function readAll(robotId: string): Promise<ActionPage[]> {
  const pages: ActionPage[] = []
  for (;;) {
    const page = await pageAfter(robotId, pages.at(-1))
    if (page.data.length === 0) return pages
    pages.push(page)
  }
}

const actionsOf = (pages: ActionPage[]) => pages.flatMap(({ data }) => data)

/** Writes actions as they are, with times of the test's choice. */
async function insertActions(robotId: string, rows: { momentId: string; at: Date }[]): Promise<string[]> {
  const inserted = await moments.db
    .insertInto('moment_action')
    .values(
      rows.map(({ momentId, at }) => ({
        id: randomUUID(),
        robot_id: robotId,
        moment_id: momentId,
        user_id: cast.viewer.id,
        action: 'like' as const,
        at,
      })),
    )
    .returning('id')
    .execute()
  return inserted.map(({ id }) => id)
}

describe('GET /robots/{robotUUID}/moment-actions', () => {
  it('lists what users did with the moments, and feedback as a change of it', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const id = await moments.moment(robotId)
    for (const feedback of [1, 1, 0, 0, -1, 1, -1, 0]) await viewer.put(`/moments/${id}/feedback`, { feedback })
    await viewer.put(`/moments/${id}/share`)
    await viewer.put(`/moments/${id}/seen`)
    await owner.delete(`/moments/${id}`)
    await owner.post('/moments/restore', { momentUUIDs: [id] })
    const [page] = await readAll(robotId)
    expect(page?.data.map(({ action }) => action)).toEqual([
      'like',
      'unlike',
      'dislike',
      'like',
      'dislike',
      'unlike',
      'share',
      'delete',
      'restore',
    ])
    for (const { momentUUID, robotUUID } of page?.data ?? []) expect([momentUUID, robotUUID]).toEqual([id, robotId])
    expect(await pageAfter(robotId, page)).toEqual({
      data: [],
      nextSince: page?.data.at(-1)?.at,
      nextMomentUUID: id,
    })
  })

  it('has no gap and no repeat at equal times', async () => {
    const { robotId } = await moments.cast()
    const ids = await Promise.all(Array.from({ length: 12 }, () => moments.moment(robotId)))
    // 360 actions at four times: twelve moments, and each of them several times at once.
    const rows = Array.from({ length: 360 }, (_, i) => ({
      momentId: ids[i % 12] ?? '',
      at: new Date(1_750_000_000_000 + (i % 4)),
    }))
    const inserted = await insertActions(robotId, rows)
    const read = actionsOf(await readAll(robotId))
    expect(read.map(({ uuid }) => uuid).toSorted()).toEqual(inserted.toSorted())
    const keys = read.map(({ at, momentUUID, uuid }) => `${at} ${momentUUID} ${uuid}`)
    expect(keys).toEqual(keys.toSorted())
  })

  it('has a hundred actions a page, and begins at a time that is given alone', async () => {
    const { robotId } = await moments.cast()
    const momentId = await moments.moment(robotId)
    const start = new Date('2026-03-01T00:00:00Z')
    const at = (i: number) => new Date(start.getTime() + i)
    await insertActions(
      robotId,
      Array.from({ length: 250 }, (_, i) => ({ momentId, at: at(i) })),
    )
    const pages = await readAll(robotId)
    expect(pages.map(({ data }) => data.length)).toEqual([100, 100, 50])
    const since = await pageAfter(robotId, { nextSince: at(249).toISOString() })
    expect(since.data.map((action) => action.at)).toEqual([at(249).toISOString()])
    expect(await pageAfter(robotId, { nextSince: at(250).toISOString() })).toEqual({
      data: [],
      nextSince: at(250).toISOString(),
    })
  })

  it('shows a robot that reads on each action once, in order, while users add more', async () => {
    const { robotId, owner, viewer } = await moments.cast()
    const ids = await Promise.all(Array.from({ length: 6 }, () => moments.moment(robotId)))
    const work = async (person: typeof owner, start: number) => {
      for (let i = 0; i < 40; i++) {
        const id = ids[(start + i) % ids.length]
        if (i % 3 === 0) await person.put(`/moments/${id}/share`)
        else await person.put(`/moments/${id}/feedback`, { feedback: i % 2 === 0 ? 1 : -1 })
      }
    }
    let isWorking = true
    const working = Promise.all([0, 1, 2].flatMap((n) => [work(owner, n), work(viewer, n)])).finally(() => {
      isWorking = false
    })
    const read: MomentActionState[] = []
    let position: Partial<ActionPage> = {}
    for (;;) {
      const wasWorking = isWorking
      const page = await pageAfter(robotId, position)
      read.push(...page.data)
      position = page
      if (!wasWorking && page.data.length === 0) break
    }
    await working
    const model = await moments.db
      .selectFrom('moment_action')
      .select('id')
      .where('robot_id', '=', robotId)
      .orderBy('at')
      .execute()
    expect(model.length).toBeGreaterThan(84)
    expect(read.map(({ uuid }) => uuid)).toEqual(model.map(({ id }) => id))
    expect(new Set(read.map(({ at }) => at)).size).toBe(read.length)
  })

  it('gives an action a later time than the newest one, also when a clock was ahead', async () => {
    const { robotId, viewer } = await moments.cast()
    const ahead = new Date(Date.now() + 60_000)
    await moments.db.updateTable('robot').set({ last_action_at: ahead }).where('id', '=', robotId).execute()
    await viewer.put(`/moments/${await moments.moment(robotId)}/share`)
    const [page] = await readAll(robotId)
    expect(page?.data[0]?.at).toBe(new Date(ahead.getTime() + 1).toISOString())
  })

  it('is for services, and refuses what it cannot read', async () => {
    const path = `/robots/${cast.robotId}/moment-actions`
    expect((await cast.owner.get(path)).status).toBe(403)
    expect((await moments.platform.nobody.get(path)).status).toBe(401)
    expect((await moments.service.get(`/robots/${randomUUID()}/moment-actions`)).status).toBe(404)
    for (const query of [
      'since=yesterday',
      'since=2016-12-31T23:59:60Z',
      `sinceMomentUUID=${randomUUID()}`,
      `since=2026-01-01T00:00:00Z&sinceMomentUUID=x`,
    ]) {
      expect([query, (await moments.service.get(`${path}?${query}`)).status]).toEqual([query, 400])
    }
  })
})
