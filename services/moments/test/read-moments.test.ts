import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Refusal } from '@platform/testing/client.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

describe('GET /moments/{momentUUID}', () => {
  it('shows a moment with its media and its wall clock to owner and viewer', async () => {
    const capturedAt = new Date('2026-05-01T10:20:30Z')
    const id = await moments.moment(cast.robotId, {
      capturedAt,
      timeZone: 'Europe/Oslo',
      localAt: '2026-05-01 12:20:30',
    })
    for (const person of [cast.owner, cast.viewer]) {
      const { status, body } = await person.get<Moment>(`/moments/${id}`)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        uuid: id,
        robotUUID: cast.robotId,
        capturedAt: capturedAt.toISOString(),
        localDate: '2026-05-01',
        localTime: '12:20:30',
        timeZone: 'Europe/Oslo',
        expired: false,
        seen: false,
        feedback: 0,
      })
      expect(body.media).toEqual([
        expect.objectContaining({ kind: 'image', uri: `https://robots.example/${id}.jpg`, bytes: 4 }),
      ])
    }
  })

  it('refuses a person whose right was revoked, begins later or never existed', async () => {
    const id = await moments.moment(cast.robotId, { capturedAt: new Date(cast.visibleFrom.getTime() - 1) })
    for (const person of [cast.revoked, cast.lateViewer, cast.stranger]) {
      const { status, body } = await person.get(`/moments/${id}`)
      expect([status, body.errors[0]?.message]).toEqual([403, 'You cannot view this moment'])
    }
  })

  it('answers 404 for an unknown moment and 400 for a text that is no UUID', async () => {
    const unknown = await cast.owner.get(`/moments/${randomUUID()}`)
    expect([unknown.status, unknown.body.errors[0]?.message]).toEqual([404, 'Moment does not exist'])
    const invalid = await cast.owner.get('/moments/no-uuid')
    expect([invalid.status, invalid.body.errors[0]?.message]).toEqual([400, 'Invalid moment UUID'])
  })
})

describe('a request with a token that is not valid', () => {
  it.each([
    ['GET', '/moments'],
    ['DELETE', '/moments'],
    ['DELETE', `/moments/${randomUUID()}`],
    ['PUT', `/moments/${randomUUID()}/share`],
    ['PUT', `/moments/${randomUUID()}/feedback`],
    ['PUT', `/moments/${randomUUID()}/seen`],
    ['GET', '/moments/smart?limit=5'],
  ] as const)('is answered 401 on %s %s, as the source document words it', async (method, path) => {
    const { nobody } = moments.platform
    const { status, body } = await nobody.send<Refusal>(method, path, undefined, { authorization: 'Bearer a.b.c' })
    expect([status, body.errors[0]?.message]).toEqual([401, 'Invalid token'])
  })
})
