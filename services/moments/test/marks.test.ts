import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer } from '@platform/testing/client.ts'
import type { Moment } from '../src/moments/shapes.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

interface Marked {
  message: string
  moment: Moment
}

const refusal = ({ status, body }: Answer<{ errors?: { message: string }[] }>) => [status, body.errors?.[0]?.message]

/** A moment that was captured before the late viewer's right begins. */
const earlyMoment = () => moments.moment(cast.robotId, { capturedAt: new Date(cast.visibleFrom.getTime() - 1) })

const OPERATIONS = [
  {
    name: 'share',
    body: undefined,
    invalid: 'Invalid moment UUID',
    forbidden: 'You cannot mark this moment as shared',
  },
  { name: 'seen', body: undefined, invalid: 'Invalid Moment UUID', forbidden: 'You cannot mark this moment as seen' },
  {
    name: 'feedback',
    body: { feedback: 1 },
    invalid: 'Invalid Moment UUID',
    forbidden: 'You cannot provide feedback on this moment',
  },
]

describe.each(OPERATIONS)('PUT /moments/{momentUUID}/$name', ({ name, body, invalid, forbidden }) => {
  it('answers 400 for a text that is no UUID', async () => {
    expect(refusal(await cast.viewer.put(`/moments/no-uuid/${name}`, body))).toEqual([400, invalid])
  })

  it('answers 404 for a moment that is unknown or in the trash', async () => {
    const id = await moments.moment(cast.robotId)
    await cast.owner.delete(`/moments/${id}`)
    for (const gone of [randomUUID(), id]) {
      expect(refusal(await cast.viewer.put(`/moments/${gone}/${name}`, body))).toEqual([404, 'Moment UUID not found'])
    }
  })

  it('refuses a person whose right was revoked, begins later or is on another robot', async () => {
    const id = await earlyMoment()
    const other = await moments.cast()
    for (const person of [cast.revoked, cast.lateViewer, other.owner]) {
      expect(refusal(await person.put(`/moments/${id}/${name}`, body))).toEqual([403, forbidden])
    }
  })

  it('answers 401 without a credential', async () => {
    const { status } = await moments.platform.nobody.put(`/moments/${randomUUID()}/${name}`, body)
    expect(status).toBe(401)
  })
})

describe('shares and views', () => {
  it('count each call and mark the moment for the caller only', async () => {
    const id = await moments.moment(cast.robotId)
    const { body: shared } = await cast.viewer.put<Marked>(`/moments/${id}/share`)
    expect(shared).toMatchObject({ message: 'Moment share request recorded', moment: { uuid: id, shareCount: 1 } })
    await cast.viewer.put(`/moments/${id}/share`)
    const { status, body: seen } = await cast.viewer.put<Marked>(`/moments/${id}/seen`)
    expect(status).toBe(200)
    expect(seen).toMatchObject({
      message: 'Moment updated',
      moment: { uuid: id, shareCount: 2, viewCounter: 1, seen: true, feedback: 0 },
    })
    await cast.viewer.put(`/moments/${id}/seen`)
    const { body: moment } = await cast.owner.get<Moment>(`/moments/${id}`)
    expect(moment).toMatchObject({ shareCount: 2, viewCounter: 2, seen: false })
  })

  it('count a retry with its Idempotency-Key once, also while the first is under way', async () => {
    const id = await moments.moment(cast.robotId)
    for (const name of ['share', 'seen']) {
      const headers = { 'idempotency-key': randomUUID() }
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => cast.viewer.put<Marked>(`/moments/${id}/${name}`, undefined, headers)),
      )
      const [first] = answers
      for (const { status, body } of answers) expect([status, body]).toEqual([200, first?.body])
    }
    const { body } = await cast.viewer.get<Moment>(`/moments/${id}`)
    expect(body).toMatchObject({ shareCount: 1, viewCounter: 1 })
  })

  it('keep the time of the first view and of the newest share', async () => {
    const id = await moments.moment(cast.robotId)
    const marks = async () => {
      await cast.viewer.put(`/moments/${id}/seen`)
      await cast.viewer.put(`/moments/${id}/share`)
      return moments.db
        .selectFrom('mark')
        .select(['seen_at', 'shared_at'])
        .where('moment_id', '=', id)
        .executeTakeFirstOrThrow()
    }
    const first = await marks()
    await moments.db
      .updateTable('mark')
      .set({ seen_at: new Date('2026-01-01'), shared_at: new Date('2026-01-01') })
      .where('moment_id', '=', id)
      .execute()
    const second = await marks()
    expect(second.seen_at).toEqual(new Date('2026-01-01'))
    expect(second.shared_at?.getTime()).toBeGreaterThanOrEqual(first.shared_at?.getTime() ?? Number.NaN)
  })
})

describe('PUT /moments/{momentUUID}/feedback', () => {
  it('keeps the newest value of each user, and 0 removes it', async () => {
    const id = await moments.moment(cast.robotId)
    for (const feedback of [1, -1, -1, 0, 0, 1]) {
      const { status, body } = await cast.viewer.put<Marked>(`/moments/${id}/feedback`, { feedback })
      expect(status).toBe(200)
      expect(body).toMatchObject({ message: 'Feedback updated or saved', moment: { uuid: id, feedback } })
    }
    const { body } = await cast.owner.get<Moment>(`/moments/${id}`)
    expect(body.feedback).toBe(0)
  })

  it('refuses another value, and an expired moment unless it is pinned', async () => {
    const expiresAt = new Date(Date.now() - 1_000)
    const expired = await moments.moment(cast.robotId, { expiresAt })
    const pinned = await moments.moment(cast.robotId, { expiresAt, pinned: true })
    expect(refusal(await cast.viewer.put(`/moments/${expired}/feedback`, { feedback: 1 }))).toEqual([
      400,
      'Moment is already expired',
    ])
    expect((await cast.viewer.put(`/moments/${pinned}/feedback`, { feedback: 1 })).status).toBe(200)
    for (const feedback of [2, 0.5, '1', null, undefined]) {
      expect((await cast.viewer.put(`/moments/${pinned}/feedback`, { feedback })).status).toBe(400)
    }
  })

  it('tells a person without a right nothing about the expiry', async () => {
    const expired = await moments.moment(cast.robotId, { expiresAt: new Date(Date.now() - 1_000) })
    const { status } = await cast.revoked.put(`/moments/${expired}/feedback`, { feedback: 1 })
    expect(status).toBe(403)
  })
})

describe('PUT and DELETE /moments/{momentUUID}/pin', () => {
  it('are idempotent, for owners only', async () => {
    const id = await moments.moment(cast.robotId)
    for (const [method, pinned] of [
      ['PUT', true],
      ['PUT', true],
      ['DELETE', false],
      ['DELETE', false],
    ] as const) {
      expect((await cast.owner.send(method, `/moments/${id}/pin`)).status).toBe(204)
      expect((await cast.viewer.get<Moment>(`/moments/${id}`)).body.pinned).toBe(pinned)
    }
    for (const person of [cast.viewer, cast.revoked]) {
      expect(refusal(await person.put(`/moments/${id}/pin`))).toEqual([403, 'You cannot pin this moment'])
      expect(refusal(await person.delete(`/moments/${id}/pin`))).toEqual([403, 'You cannot unpin this moment'])
    }
    expect(refusal(await cast.owner.put(`/moments/${randomUUID()}/pin`))).toEqual([404, 'Moment UUID not found'])
    expect(refusal(await cast.owner.put('/moments/no-uuid/pin'))).toEqual([400, 'Invalid Moment UUID'])
  })
})
