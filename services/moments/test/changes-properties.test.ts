import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import type { Person } from '@platform/testing/platform.ts'
import fc from 'fast-check'
import { sql } from 'kysely'
import type { Change, ChangesPage } from '../src/changes/shapes.ts'
import type { Moment } from '../src/moments/shapes.ts'
import type { TimelinePage } from '../src/timeline/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { MomentModel } from './moment-model.ts'
import { markMoments, pinMoments, setAccess } from './mutations.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

/** A client's copy of what it may see. */
class Copy {
  readonly #moments = new Map<string, Moment>()

  apply(change: Change): void {
    if ('momentUUID' in change) {
      if (change.moment) this.#moments.set(change.momentUUID, change.moment)
      else this.#moments.delete(change.momentUUID)
      return
    }
    const hides = ({ robotUUID, capturedAt }: Moment) =>
      robotUUID === change.robotUUID && (change.change === 'accessRevoked' || capturedAt < (change.visibleFrom ?? ''))
    for (const moment of this.#moments.values()) if (hides(moment)) this.#moments.delete(moment.uuid)
  }

  /** Without what depends on the time of reading. */
  content() {
    const content = [...this.#moments.values()].map(({ uuid, pinned, seen, feedback }) => ({
      uuid,
      pinned,
      seen,
      feedback,
    }))
    return content.toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1))
  }
}

/** Everything that a person sees, by the timeline. */
async function timelineOf(person: Person): Promise<Copy> {
  const copy = new Copy()
  for (const isExpired of [false, true]) {
    const { body } = await person.get<TimelinePage>(`/moments?limit=100&filter[expired]=${isExpired}`)
    for (const moment of body.data) {
      copy.apply({ change: 'created', momentUUID: moment.uuid, robotUUID: moment.robotUUID, moment })
    }
  }
  return copy
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(
      ...([
        'arrive',
        'arrive',
        'arrive',
        'delete',
        'restore',
        'purge',
        'pin',
        'mark',
        'mark',
        'open',
        'close',
        'revoke',
      ] as const),
      ...(['grant', 'grantLate', 'read', 'read', 'read'] as const),
    ),
    n: fc.nat({ max: 10_000 }),
  }),
  { minLength: 10, maxLength: 40 },
)

describe('the list of changes', () => {
  it('keeps a copy equal to the timeline, whatever happens and commits between its answers', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
        const { db } = moments
        const person = moments.platform.person()
        const model = await MomentModel.create(moments, person)
        const copy = new Copy()
        let next = ''
        const read = async () => {
          const { status, body } = await person.get<ChangesPage>(`/moments/changes?limit=${limit}${next}`)
          expect(status).toBe(200)
          for (const change of body.data) copy.apply(change)
          next = `&since=${body.next}`
          return body.data
        }
        // A transaction that begins now, and changes moments and commits after others that begin later.
        let open: { commit: () => void; ended: Promise<void> } | undefined
        const close = async () => {
          open?.commit()
          await open?.ended
          open = undefined
        }
        for (const { what, n } of steps) {
          const some = model.moments
            .filter(({ state }, i) => state === 'live' && (n >> (i % 8)) % 2 === 1)
            .map(({ id }) => id)
          const right = { robotId: model.moments[n % model.moments.length]?.robotId ?? '', userId: person.id }
          if (what === 'read') await read()
          else if (what === 'pin' && !open) await pinMoments(db, some, n % 2 === 0)
          else if (what === 'mark')
            await markMoments(db, person.id, some, { feedback: (n % 3) - 1, isSeen: n % 2 === 0 })
          else if (what === 'open' && !open && some.length > 0) {
            const { promise: committed, resolve: commit } = Promise.withResolvers<void>()
            const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
            const ended = db.transaction().execute(async (trx) => {
              await sql`select pg_current_xact_id()`.execute(trx)
              begin()
              await committed
              await pinMoments(trx, some)
            })
            open = { commit, ended }
            await begun
          } else if (what === 'close') await close()
          else if (what === 'revoke' && right.robotId) await setAccess(db, right, null)
          else if (what === 'grant' && right.robotId) await setAccess(db, right, 'viewer')
          else if (what === 'grantLate' && right.robotId)
            await setAccess(db, right, 'viewer', new Date('2026-01-02T00:00:00Z'))
          else if (what === 'arrive' || what === 'delete' || what === 'restore' || what === 'purge')
            await model.apply({ what, n })
        }
        await close()
        const expected = (await timelineOf(person)).content()
        await eventually(async () => {
          while ((await read()).length > 0);
          expect(copy.content()).toEqual(expected)
        })
        expect(await read()).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  it('lists each moment once to a client that begins anew, however few it reads at a time', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (steps, limit) => {
        const person = moments.platform.person()
        const model = await MomentModel.create(moments, person)
        for (const { what, n } of steps) {
          const ids = model.moments.filter((_, i) => (n >> (i % 8)) % 2 === 1).map(({ id }) => id)
          if (what === 'pin') await pinMoments(moments.db, ids)
          else if (what === 'mark') await markMoments(moments.db, person.id, ids, { isSeen: true })
          else if (what === 'arrive' || what === 'delete' || what === 'restore') await model.apply({ what, n })
        }
        await eventually(async () => {
          const listed: string[] = []
          let next = ''
          for (;;) {
            const { body } = await person.get<ChangesPage>(`/moments/changes?limit=${limit}${next}`)
            if (body.data.length === 0) break
            listed.push(...body.data.flatMap((change) => ('momentUUID' in change ? [change.momentUUID] : [])))
            next = `&since=${body.next}`
          }
          expect(listed.toSorted()).toEqual(model.moments.map(({ id }) => id).toSorted())
        })
      }),
      { numRuns: 15 },
    )
  })
})
