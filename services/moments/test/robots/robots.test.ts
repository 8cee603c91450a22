import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer, Refusal } from '@platform/testing/client.ts'
import type { Moment } from '../../src/moments/shapes.ts'
import type { Robot } from '../../src/robots/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from '../harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

const refusal = ({ status, body }: Answer<Refusal>) => [status, body.errors[0]?.message]

describe('GET /robots', () => {
  it("lists the caller's robots with the caller's right on each, and none whose right was revoked", async () => {
    const { robotId, owner, viewer, lateViewer, visibleFrom, revoked, stranger } = cast
    const robot = { uuid: robotId, timeZone: 'UTC' }
    const seen = async (person: typeof owner) => (await person.get<Robot[]>('/robots')).body
    expect(await seen(owner)).toEqual([{ ...robot, right: 'owner' }])
    expect(await seen(viewer)).toEqual([{ ...robot, right: 'viewer' }])
    expect(await seen(lateViewer)).toEqual([{ ...robot, right: 'viewer', visibleFrom: visibleFrom.toISOString() }])
    for (const person of [revoked, stranger, moments.service]) expect(await seen(person)).toEqual([])
  })

  it('lists many robots in order of their ids', async () => {
    const person = moments.platform.person()
    const ids = await Promise.all(Array.from({ length: 5 }, () => moments.robot()))
    for (const id of ids) await moments.grant(id, person)
    const { body } = await person.get<Robot[]>('/robots')
    expect(body.map(({ uuid }) => uuid)).toEqual([...ids].sort())
  })
})

describe('GET /robots/{robotUUID}', () => {
  it('shows a robot to its owner and viewers', async () => {
    for (const person of [cast.owner, cast.viewer, cast.lateViewer]) {
      const { status, body } = await person.get<Robot>(`/robots/${cast.robotId.toUpperCase()}`)
      expect([status, body.uuid]).toEqual([200, cast.robotId])
    }
  })

  it('refuses a person without a right, and knows no robot that does not exist', async () => {
    for (const person of [cast.revoked, cast.stranger, moments.service]) {
      const forbidden = [403, "No permission to view robot's activity"]
      expect(refusal(await person.get(`/robots/${cast.robotId}`))).toEqual(forbidden)
    }
    expect(refusal(await cast.owner.get(`/robots/${randomUUID()}`))).toEqual([404, 'Robot does not exist'])
    expect((await cast.owner.get('/robots/no-uuid')).status).toBe(400)
  })
})

describe('PATCH /robots/{robotUUID}', () => {
  it('changes the fields that are named, and null clears them', async () => {
    const { robotId, owner } = await moments.cast()
    const path = `/robots/${robotId}`
    const before = { uuid: robotId, timeZone: 'UTC', right: 'owner' }
    const settings = { name: 'Ada', retentionDays: 30, maxMoments: 1000 }
    const changed = await owner.patch<Robot>(path, { ...settings, timeZone: 'europe/oslo' })
    expect([changed.status, changed.body]).toEqual([200, { ...before, ...settings, timeZone: 'Europe/Oslo' }])
    expect((await owner.patch<Robot>(path, { retentionDays: 7 })).body).toMatchObject({ ...settings, retentionDays: 7 })
    expect((await owner.patch<Robot>(path, {})).body).toMatchObject({ ...settings, retentionDays: 7 })
    await owner.patch(path, { name: null, retentionDays: null, maxMoments: null, timeZone: 'UTC' })
    expect((await owner.get<Robot>(path)).body).toEqual(before)
  })

  it('keeps the wall clock of earlier captures when the time zone changes', async () => {
    const { robotId, owner } = await moments.cast()
    const id = await moments.moment(robotId, { timeZone: 'Europe/Oslo', localAt: '2026-05-01 12:20:30' })
    const before = (await owner.get<Moment>(`/moments/${id}`)).body
    expect((await owner.patch(`/robots/${robotId}`, { timeZone: 'Asia/Tokyo' })).status).toBe(200)
    const { timeZone, localTime, localDate } = (await owner.get<Moment>(`/moments/${id}`)).body
    expect({ timeZone, localTime, localDate }).toEqual({
      timeZone: before.timeZone,
      localTime: before.localTime,
      localDate: before.localDate,
    })
  })

  it.each([
    { timeZone: 'Europe/Atlantis' },
    { timeZone: '+02:00' },
    { timeZone: null },
    { name: '' },
    { name: ' ' },
    { name: 'x'.repeat(101) },
    { retentionDays: 0 },
    { maxMoments: 1.5 },
    { maxMoments: 2_147_483_648 },
    { right: 'owner' },
  ])('refuses %j and changes nothing', async (wrong) => {
    const { status } = await cast.owner.patch(`/robots/${cast.robotId}`, { name: 'Ada', ...wrong })
    expect(status).toBe(400)
    expect((await cast.owner.get<Robot>(`/robots/${cast.robotId}`)).body).not.toHaveProperty('name')
  })

  it('is for owners only', async () => {
    for (const person of [cast.viewer, cast.lateViewer, cast.revoked, cast.stranger, moments.service]) {
      const answer = await person.patch(`/robots/${cast.robotId}`, { name: 'Mine' })
      expect(refusal(answer)).toEqual([403, 'You cannot change this robot'])
    }
    const unknown = await cast.owner.patch(`/robots/${randomUUID()}`, { name: 'Mine' })
    expect(refusal(unknown)).toEqual([404, 'Robot does not exist'])
  })
})
