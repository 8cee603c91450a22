import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import type { Person } from '@platform/testing/platform.ts'
import { sql } from 'kysely'
import type { Change, ChangesPage } from '../src/changes/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { deleteMoments, markMoments, pinMoments, purgeMoments, restoreMoments, setAccess } from './mutations.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

/** Reads all changes behind a place, a few at a time. Transactions elsewhere on the server may hold the end back. */
async function readAll(person: Person, since?: string, limit = 2): Promise<{ changes: Change[]; next: string }> {
  const changes: Change[] = []
  let next = since
  for (;;) {
    const query = next === undefined ? '' : `&since=${next}`
    const { status, body } = await person.get<ChangesPage>(`/moments/changes?limit=${limit}${query}`)
    expect(status).toBe(200)
    changes.push(...body.data)
    next = body.next
    if (body.data.length === 0) return { changes, next }
  }
}

const brief = (change: Change) => [change.change, 'momentUUID' in change ? change.momentUUID : change.robotUUID]

/** Reads until as many entries have come as are expected, and returns them. */
async function readUntil(person: Person, count: number, since?: string) {
  let read = await readAll(person, since)
  await eventually(async () => {
    const more = await readAll(person, read.next)
    read = { changes: [...read.changes, ...more.changes], next: more.next }
    expect(read.changes.length).toBeGreaterThanOrEqual(count)
  })
  return { entries: read.changes.map(brief), ...read }
}

async function scene() {
  const [robotId, person] = [await moments.robot(), moments.platform.person()]
  await moments.grant(robotId, person, 'owner')
  return { robotId, person, db: moments.db }
}

describe('GET /moments/changes', () => {
  it('lists each moment once, at its newest change, and goes on from there', async () => {
    const { robotId, person, db } = await scene()
    const [a, b, c] = [await moments.moment(robotId), await moments.moment(robotId), await moments.moment(robotId)]
    await pinMoments(db, [a])
    const first = await readUntil(person, 4)
    expect(first.entries).toEqual([
      ['accessGranted', robotId],
      ['created', b],
      ['created', c],
      ['changed', a],
    ])
    expect(first.changes[3]).toMatchObject({ robotUUID: robotId, moment: { uuid: a, pinned: true } })
    await deleteMoments(db, [a, b])
    await restoreMoments(db, [b])
    const second = await readUntil(person, 2, first.next)
    expect(second.entries).toEqual([
      ['deleted', a],
      ['restored', b],
    ])
    expect(second.changes[0]).not.toHaveProperty('moment')
    expect(second.changes[1]).toMatchObject({ moment: { uuid: b } })
    await purgeMoments(db, [a])
    const third = await readUntil(person, 1, second.next)
    expect([third.entries, 'moment' in (third.changes[0] ?? {})]).toEqual([[['purged', a]], false])
    expect((await readAll(person, third.next)).changes).toEqual([])
  })

  it('lists moments of one transaction in order of their ids, however few are read at a time', async () => {
    const { robotId, person, db } = await scene()
    const ids: string[] = []
    for (let n = 0; n < 7; n++) ids.push(await moments.moment(robotId))
    const before = await readUntil(person, 8)
    await pinMoments(db, ids)
    const { entries } = await readUntil(person, 7, before.next)
    expect(entries).toEqual(ids.toSorted().map((id) => ['changed', id]))
  })

  it("lists the caller's own marks, and no mark of another person", async () => {
    const { robotId, person, db } = await scene()
    const [a, b] = [await moments.moment(robotId), await moments.moment(robotId)]
    const before = await readUntil(person, 3)
    await markMoments(db, moments.platform.person().id, [a], { isSeen: true })
    await markMoments(db, person.id, [b], { feedback: 1, isSeen: true })
    const { entries, changes } = await readUntil(person, 1, before.next)
    expect(entries).toEqual([['changed', b]])
    expect(changes[0]).toMatchObject({ moment: { feedback: 1, seen: true } })
    const all = await readUntil(person, 3)
    expect(all.entries).toEqual([
      ['accessGranted', robotId],
      ['created', a],
      ['changed', b],
    ])
  })

  it('tells of a revoked right, and lists every visible moment anew when it is granted again', async () => {
    const { robotId, person, db } = await scene()
    const at = (n: number) => new Date(Date.UTC(2026, 0, n))
    const early = await moments.moment(robotId, { capturedAt: at(1) })
    const late = await moments.moment(robotId, { capturedAt: at(3) })
    const before = await readUntil(person, 3)
    const right = { robotId, userId: person.id }
    await setAccess(db, right, null)
    const revoked = await readUntil(person, 1, before.next)
    expect(revoked.entries).toEqual([['accessRevoked', robotId]])
    await pinMoments(db, [early, late])
    expect((await readAll(person, revoked.next)).changes).toEqual([])
    await setAccess(db, right, 'viewer', at(2))
    const renewed = await readUntil(person, 2, revoked.next)
    expect(renewed.entries).toEqual([
      ['accessGranted', robotId],
      ['changed', late],
    ])
    expect(renewed.changes[0]).toMatchObject({ visibleFrom: at(2).toISOString() })
    await setAccess(db, right, 'owner')
    const whole = await readUntil(person, 3, renewed.next)
    expect(whole.entries.slice(1).map(([, id]) => id)).toEqual([early, late].toSorted())
    expect(whole.changes[0]).toMatchObject({ visibleFrom: null })
  })

  it('waits for a transaction that began earlier, so that what it commits late is not skipped', async () => {
    const { robotId, person, db } = await scene()
    const [slow, fast] = [await moments.moment(robotId), await moments.moment(robotId)]
    const before = await readUntil(person, 3)
    let next = before.next
    await db.transaction().execute(async (trx) => {
      await sql`select pg_current_xact_id()`.execute(trx)
      await pinMoments(db, [fast])
      const meanwhile = await readAll(person, next)
      expect(meanwhile.changes).toEqual([])
      next = meanwhile.next
      await pinMoments(trx, [slow])
    })
    const { entries } = await readUntil(person, 2, next)
    expect(entries).toEqual([
      ['changed', slow],
      ['changed', fast],
    ])
  })

  it('lists nothing to a person without robots, and always tells where to go on', async () => {
    const { body } = await moments.platform.person().get<ChangesPage>('/moments/changes')
    expect(body).toEqual({ data: [], next: expect.any(String) })
  })

  it("refuses a place that is not of the caller's list, and wrong limits", async () => {
    const [ana, ben] = [moments.platform.person(), moments.platform.person()]
    const { next } = (await ana.get<ChangesPage>('/moments/changes')).body
    for (const query of [`since=${next}`, 'since=x', 'since=', 'limit=0', 'limit=101', 'limit=1e1', 'limit=0x10']) {
      expect((await ben.get(`/moments/changes?${query}`)).status).toBe(400)
    }
    expect((await ana.get(`/moments/changes?since=${next}`)).status).toBe(200)
    expect((await moments.platform.nobody.get('/moments/changes')).status).toBe(401)
  })
})
