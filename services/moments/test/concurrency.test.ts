import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { MomentActionState } from '@platform/contracts/moments.ts'
import fc from 'fast-check'
import type { Moment } from '../src/moments/shapes.ts'
import { findDrift, runAtOnce } from './at-once.ts'
import { type Cast, type MomentsPlatform, startMomentsPlatform } from './harness.ts'

let moments: MomentsPlatform
let cast: Cast
beforeAll(async () => {
  moments = await startMomentsPlatform()
  cast = await moments.cast()
})
afterAll(() => moments.stop())

/** What a robot reads about a moment. */
async function actionsOn(robotId: string, id: string): Promise<string[]> {
  const { body } = await moments.service.get<{ data: MomentActionState[] }>(`/robots/${robotId}/moment-actions`)
  return body.data.filter(({ momentUUID }) => momentUUID === id).map(({ action }) => action)
}

describe('many users at once', () => {
  it('count each of their views and shares of one moment', async () => {
    const id = await moments.moment(cast.robotId)
    const people = Array.from({ length: 200 }, () => moments.platform.person())
    await moments.db
      .insertInto('access')
      .values(
        people.map((person) => ({
          robot_id: cast.robotId,
          user_id: person.id,
          right: 'viewer' as const,
          granted_at: new Date(),
        })),
      )
      .execute()
    const statuses: number[] = []
    const put = (index: number, name: string) => async () => {
      statuses.push((await people[index]?.put(`/moments/${id}/${name}`))?.status ?? 0)
    }
    await runAtOnce(people.flatMap((_, i) => [put(i, 'seen'), put(i, 'share'), put(i, 'seen')]))
    expect(statuses).toEqual(statuses.map(() => 200))
    const { body } = await cast.viewer.get<Moment>(`/moments/${id}`)
    expect(body).toMatchObject({ viewCounter: 400, shareCount: 200 })
    const { count } = await moments.db
      .selectFrom('mark')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('moment_id', '=', id)
      .where('seen_at', 'is not', null)
      .where('shared_at', 'is not', null)
      .executeTakeFirstOrThrow()
    expect(count).toBe(200)
  })
})

describe('requests of one user at once', () => {
  it('count each view and mark the moment once', async () => {
    const id = await moments.moment(cast.robotId)
    const answers = await Promise.all(Array.from({ length: 12 }, () => cast.viewer.put(`/moments/${id}/seen`)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect((await cast.viewer.get<Moment>(`/moments/${id}`)).body).toMatchObject({ viewCounter: 12, seen: true })
  })

  it('leave the feedback that was recorded last', async () => {
    for (let round = 0; round < 10; round++) {
      const id = await moments.moment(cast.robotId)
      const feedbacks = [1, -1, 0, 1, -1, 0]
      await Promise.all(feedbacks.map((feedback) => cast.viewer.put(`/moments/${id}/feedback`, { feedback })))
      expect(await findDrift(moments.db, cast.robotId)).toEqual([])
      await cast.viewer.put(`/moments/${id}/feedback`, { feedback: 1 })
      expect((await cast.viewer.get<Moment>(`/moments/${id}`)).body.feedback).toBe(1)
    }
  })
})

describe('deletes and restores at once', () => {
  it('let one delete of a batch through and refuse the other as a whole', async () => {
    for (let round = 0; round < 10; round++) {
      const { robotId, owner } = await moments.cast()
      const ids = await Promise.all(Array.from({ length: 5 }, () => moments.moment(robotId)))
      const answers = await Promise.all([
        owner.delete('/moments', { momentUUIDs: ids }),
        owner.delete('/moments', { momentUUIDs: ids.toReversed() }),
      ])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 400])
      for (const id of ids) expect(await actionsOn(robotId, id)).toEqual(['delete'])
    }
  })

  it('alternate on each moment, and each answer fits the order', async () => {
    for (let round = 0; round < 10; round++) {
      const { robotId, owner } = await moments.cast()
      const id = await moments.moment(robotId)
      const sent = ['delete', 'restore', 'delete', 'restore', 'delete'] as const
      const answers = await Promise.all(
        sent.map(async (action) => {
          const body = { momentUUIDs: [id] }
          const { status } =
            action === 'delete' ? await owner.delete('/moments', body) : await owner.post('/moments/restore', body)
          return { action, status }
        }),
      )
      const done = answers.filter(({ status }) => status === 204).map(({ action }) => action)
      for (const { action, status } of answers) expect([204, action === 'delete' ? 400 : 409]).toContain(status)
      const recorded = await actionsOn(robotId, id)
      expect(recorded.toSorted()).toEqual(done.toSorted())
      expect(recorded).toEqual(recorded.map((_, i) => (i % 2 === 0 ? 'delete' : 'restore')))
      expect((await owner.get(`/moments/${id}`)).status).toBe(recorded.length % 2 === 0 ? 200 : 404)
    }
  })
})

describe('the kept numbers', () => {
  it('equal a recount after random commands at once', async () => {
    const command = fc.record({
      what: fc.constantFrom(
        'seen',
        'share',
        'like',
        'dislike',
        'none',
        'unsee',
        'seenBatch',
        'delete',
        'restore',
        'pin',
      ),
      who: fc.nat(),
      which: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 40 }), async (commands) => {
        const { robotId, owner, viewer, lateViewer } = await moments.cast()
        const people = [owner, viewer, lateViewer]
        const ids = await Promise.all([1, 2, 3, 4].map(() => moments.moment(robotId)))
        let views = 0
        const run = async ({ what, who, which }: (typeof commands)[number]) => {
          const person = people[who % people.length] ?? owner
          const momentUUIDs = [...new Set(which.map((n) => ids[n % ids.length] ?? ''))]
          const [id] = momentUUIDs
          const feedback = (value: number) => person.put(`/moments/${id}/feedback`, { feedback: value })
          const { status } = await {
            seen: () => person.put(`/moments/${id}/seen`),
            share: () => person.put(`/moments/${id}/share`),
            like: () => feedback(1),
            dislike: () => feedback(-1),
            none: () => feedback(0),
            unsee: () => person.delete(`/moments/${id}/seen`),
            seenBatch: () => person.put('/moments/seen', { momentUUIDs }),
            delete: () => owner.delete('/moments', { momentUUIDs }),
            restore: () => owner.post('/moments/restore', { momentUUIDs }),
            pin: () => owner.put(`/moments/${id}/pin`),
          }[what]()
          expect(status).toBeLessThan(500)
          if (what === 'seen' && status === 200) views++
        }
        await runAtOnce(commands.map((each) => () => run(each)))
        expect(await findDrift(moments.db, robotId)).toEqual([])
        const { counted } = await moments.db
          .selectFrom('moment')
          .select(({ fn }) => fn.sum<number>('view_counter').as('counted'))
          .where('robot_id', '=', robotId)
          .executeTakeFirstOrThrow()
        const batches = commands.filter(({ what }) => what === 'seenBatch').length
        expect(counted).toBeGreaterThanOrEqual(views)
        expect(counted).toBeLessThanOrEqual(views + 3 * batches)
      }),
      { numRuns: 12 },
    )
  })
})
