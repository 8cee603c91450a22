import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Capture } from '@platform/contracts/robots.ts'
import type { Refusal } from '@platform/testing/client.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { capture } from './captures.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { publishedUnder } from './published.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const post = (body: unknown) => moments.service.post<Moment>('/moments', body)
const refuse = async (body: unknown) => {
  const { status, body: refusal } = await moments.service.post<Refusal>('/moments', body)
  return [status, refusal.errors[0]?.message]
}
const momentsOf = (robotId: string) =>
  moments.db.selectFrom('moment').selectAll().where('robot_id', '=', robotId).execute()
const eventsOf = (momentId: string) => publishedUnder(moments.platform.database, momentId)

describe('POST /moments', () => {
  it('stores a capture with its instant, its zone and its wall clock, and creates its robot', async () => {
    const robotId = randomUUID()
    const { status, body } = await post(
      capture(robotId, {
        type: 'waving',
        title: 'At the door',
        capturedAt: '2023-07-01T22:30:15.250Z',
        timeZone: 'europe/oslo',
        expiresAt: '2099-01-01T00:00:00Z',
        features: { faces: 2, 'light.level': 0.5 },
      }),
    )
    expect(status).toBe(201)
    expect(body).toMatchObject({
      robotUUID: robotId,
      type: 'waving',
      title: 'At the door',
      capturedAt: '2023-07-01T22:30:15.250Z',
      timeZone: 'Europe/Oslo',
      localDate: '2023-07-02',
      localTime: '00:30:15',
      expiresAt: '2099-01-01T00:00:00.000Z',
      expired: false,
      seen: false,
    })
    const [row] = await momentsOf(robotId)
    expect(row).toMatchObject({
      local_at: '2023-07-02 00:30:15.25',
      local_hour: 0,
      features: { faces: 2, 'light.level': 0.5 },
    })
    const robot = await moments.db.selectFrom('robot').selectAll().where('id', '=', robotId).executeTakeFirst()
    expect(robot?.time_zone).toBe('Europe/Oslo')
  })

  it('reads the present zone of the robot when the capture names none, and UTC for a new robot', async () => {
    const robotId = await moments.robot({ timeZone: 'Asia/Tokyo' })
    const capturedAt = '2026-01-10T20:00:00Z'
    const known = await post(capture(robotId, { capturedAt }))
    expect(known.body).toMatchObject({ timeZone: 'Asia/Tokyo', localDate: '2026-01-11', localTime: '05:00:00' })
    const fresh = await post(capture(randomUUID(), { capturedAt }))
    expect(fresh.body).toMatchObject({ timeZone: 'UTC', localTime: '20:00:00' })
  })

  it('publishes the capture once, with its media and without an address', async () => {
    const body = capture(randomUUID())
    const first = await post(body)
    await post(body)
    const events = await eventsOf(first.body.uuid)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      type: 'moments.moment.captured',
      entityversion: 1,
      actorid: moments.service.id,
      data: { uuid: first.body.uuid, sourceId: body.sourceId, media: [{ kind: 'image' }] },
    })
    expect(JSON.stringify(events)).not.toContain('robots.example')
  })

  it('answers 200 with the moment that exists, which stays as it was, also when the capture has other content', async () => {
    const body = capture(randomUUID(), { title: 'first' })
    const first = await post(body)
    const second = await post({
      ...body,
      title: 'second',
      type: 'other',
      media: [{ kind: 'video', uri: 'https://a.example/b' }],
    })
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body).toEqual(first.body)
  })

  it('stores one capture that is posted fifty times at once as one moment', async () => {
    const body = capture(randomUUID())
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(body)))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 49 }, () => 200), 201])
    expect(new Set(answers.map((answer) => answer.body.uuid)).size).toBe(1)
    expect(await momentsOf(body.robotUUID)).toHaveLength(1)
    expect(await eventsOf(answers[0]?.body.uuid ?? '')).toHaveLength(1)
  })

  it('keeps the same source id of two robots apart', async () => {
    const [one, other] = [capture(randomUUID(), { sourceId: 'clip-1' }), capture(randomUUID(), { sourceId: 'clip-1' })]
    expect([(await post(one)).status, (await post(other)).status]).toEqual([201, 201])
  })

  it('answers 409 when the moment is in the trash and 410 once its purge has begun', async () => {
    const body = capture(randomUUID())
    const { uuid } = (await post(body)).body
    const mark = (values: { deleted_at?: Date; purge_started_at?: Date; purged_at?: Date }) =>
      moments.db.updateTable('moment').set(values).where('id', '=', uuid).execute()
    await mark({ deleted_at: new Date() })
    expect(await refuse(body)).toEqual([409, 'The moment is in the trash.'])
    await mark({ purge_started_at: new Date() })
    expect(await refuse(body)).toEqual([410, 'The moment was deleted for good.'])
    await mark({ purged_at: new Date() })
    expect(await refuse(body)).toEqual([410, 'The moment was deleted for good.'])
  })

  it('accepts a capture from years ago and a clock that is almost a day fast', async () => {
    const soon = new Date(Date.now() + 23 * 3_600_000).toISOString()
    for (const capturedAt of ['1999-12-31T23:59:59Z', '2019-02-28T10:00:00+05:30', soon]) {
      expect((await post(capture(randomUUID(), { capturedAt }))).status).toBe(201)
    }
  })

  const uri = 'https://robots.example/a.jpg'
  const uploadUUID = randomUUID()
  it.each<[string, Partial<Record<keyof Capture, unknown>>, RegExp]>([
    [
      'an instant more than a day ahead',
      { capturedAt: new Date(Date.now() + 25 * 3_600_000).toISOString() },
      /capturedAt/,
    ],
    ['no instant', { capturedAt: 'yesterday' }, /capturedAt/],
    ['a leap second', { capturedAt: '2016-12-31T23:59:60Z' }, /capturedAt/],
    ['the year 0', { capturedAt: '0000-01-01T00:00:00Z' }, /capturedAt/],
    ['an expiry after the last year', { expiresAt: '9999-12-31T23:59:59-14:00' }, /expiresAt/],
    ['an unknown zone', { timeZone: 'Mars/Olympus' }, /timeZone/],
    ['an offset as a zone', { timeZone: '+02:00' }, /timeZone/],
    ['a robot that is no UUID', { robotUUID: 'robot-1' }, /robotUUID/],
    ['an empty source id', { sourceId: '' }, /sourceId/],
    ['a source id of 201 characters', { sourceId: 'x'.repeat(201) }, /sourceId/],
    ['a NUL in the source id', { sourceId: 'a\0b' }, /NUL/],
    ['a type of 51 characters', { type: 'x'.repeat(51) }, /type/],
    ['a title of 201 characters', { title: 'x'.repeat(201) }, /title/],
    ['21 features', { features: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`f${i}`, i])) }, /features/],
    ['a feature that is no number', { features: { a: 'b' } }, /features/],
    ['a feature with a strange name', { features: { 'a b': 1 } }, /features/],
    ['no media', { media: [] }, /media/],
    ['nine media', { media: Array.from({ length: 9 }, () => ({ kind: 'image', uri })) }, /media/],
    ['an unknown kind of media', { media: [{ kind: 'page', uri }] }, /kind/],
    ['a script as address', { media: [{ kind: 'image', uri: 'javascript:alert(1)' }] }, /uri/],
    ['an address without a host', { media: [{ kind: 'image', uri: 'https://?' }] }, /uri/],
    [
      'an address of 2,049 characters',
      { media: [{ kind: 'image', uri: `https://a.example/${'x'.repeat(2_031)}` }] },
      /uri/,
    ],
    ['neither upload nor address', { media: [{ kind: 'image' }] }, /media.0/],
    ['upload and address at once', { media: [{ kind: 'image', uri, uploadUUID }] }, /media.0/],
    [
      'one upload twice',
      {
        media: [
          { kind: 'image', uploadUUID },
          { kind: 'image', uploadUUID },
        ],
      },
      /once/,
    ],
  ])('refuses %s', async (_what, over, message) => {
    const robotUUID = randomUUID()
    const [status, text] = await refuse({ ...capture(robotUUID), ...over })
    expect([status, text]).toEqual([400, expect.stringMatching(message)])
    expect(await moments.db.selectFrom('robot').select('id').where('id', '=', robotUUID).execute()).toEqual([])
  })

  it('refuses a number that overflows', async () => {
    const body = JSON.stringify(capture(randomUUID())).replace('{', '{"features":{"a":1e999},')
    const { status } = await moments.service.post('/moments', body)
    expect(status).toBe(400)
  })

  it('answers 401 without a credential and 403 without the role', async () => {
    const body = capture(randomUUID())
    expect((await moments.platform.nobody.post('/moments', body)).status).toBe(401)
    expect((await moments.platform.person().post('/moments', body)).status).toBe(403)
    expect((await moments.platform.person({ roles: ['moderator'] }).post('/moments', body)).status).toBe(403)
    expect(await momentsOf(body.robotUUID)).toEqual([])
  })

  it('answers 403 to a key without the scope moments:write', async () => {
    const { moments: url = '' } = moments.platform.urls
    const reader = new ServiceCaller(url, DEVELOPMENT_SECRET, { roles: ['service'], scopes: ['moments:read'] })
    expect((await reader.post('/moments', capture(randomUUID()))).status).toBe(403)
    const writer = new ServiceCaller(url, DEVELOPMENT_SECRET, { roles: ['service'], scopes: ['moments:write'] })
    expect((await writer.post('/moments', capture(randomUUID()))).status).toBe(201)
  })
})
