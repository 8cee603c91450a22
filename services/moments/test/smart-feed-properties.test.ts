import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { SmartFeedPage } from '../src/smart/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { type ModelMoment, MomentModel } from './moment-model.ts'
import { setAccess } from './mutations.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const n = fc.nat({ max: 10_000 })
const operation = fc.record({
  what: fc.constantFrom('arrive', 'delete', 'delete', 'restore', 'purge', 'expire', 'revoke', 'grant', 'other tab'),
  n,
})
type FeedOperation = typeof operation extends fc.Arbitrary<infer O> ? O : never
const reading = fc.record({
  arrivals: fc.array(n, { minLength: 4, maxLength: 20 }),
  before: fc.array(operation, { maxLength: 4 }),
  limit: fc.integer({ min: 1, max: 5 }),
  /** Changes between two pages. */
  between: fc.array(fc.array(operation, { maxLength: 4 }), { minLength: 8, maxLength: 8 }),
})

/** The last three snapshots are kept: a third one more would end the one that is read. */
const MOST_OTHER_TABS = 2

async function scene(arrivals: number[]) {
  const person = moments.platform.person()
  const begin = Date.now() - 4 * 86_400_000
  const model = await MomentModel.create(moments, person, begin)
  for (const arrival of arrivals) await model.apply({ what: 'arrive', n: arrival })
  const hidden = new Set<string>()
  const isShown = ({ robotId, state, isExpired }: ModelMoment) => state === 'live' && !isExpired && !hidden.has(robotId)
  const read = async (query: string) => {
    const { status, body } = await person.get<SmartFeedPage>(`/moments/smart?${query}`)
    expect(status).toBe(200)
    return { ...body, ids: body.data.map(({ uuid }) => uuid) }
  }
  let otherTabs = 0
  const apply = async ({ what, n }: FeedOperation) => {
    if (what === 'other tab') {
      if (otherTabs++ < MOST_OTHER_TABS) await read('limit=3')
    } else if (what === 'revoke' || what === 'grant') {
      const { robotId = '' } = model.moments[n % model.moments.length] ?? {}
      await setAccess(moments.db, { robotId, userId: person.id }, what === 'grant' ? 'viewer' : null)
      if (what === 'grant') hidden.delete(robotId)
      else hidden.add(robotId)
    } else if (what === 'expire') {
      const moment = model.moments[n % model.moments.length]
      if (!moment) return
      const expired = { expires_at: new Date(0) }
      await moments.db.updateTable('moment').set(expired).where('id', '=', moment.id).execute()
      moment.isExpired = true
    } else await model.apply({ what, n })
  }
  const shown = () => model.moments.filter(isShown).map(({ id }) => id)
  return { model, read, apply, shown }
}

/** Moments of one burst: the model's captures are whole hours apart, or at once. */
const burstOf = ({ robotId, type, capturedAt }: ModelMoment) => `${robotId} ${type} ${capturedAt.getTime()}`

describe('the smart feed, while moments arrive, go, come back and expire, and rights go and come', () => {
  it('shows each item that stays once and nothing twice, and pages are short only at the end', async () => {
    await fc.assert(
      fc.asyncProperty(reading, async ({ arrivals, before, limit, between }) => {
        const { model, read, apply, shown } = await scene(arrivals)
        for (const earlier of before.filter(({ what }) => what !== 'other tab')) await apply(earlier)
        let page = await read(`limit=${limit}`)
        const { snapshot } = page
        const { moment_ids: order } = await moments.db
          .selectFrom('smart_snapshot')
          .select('moment_ids')
          .where('id', '=', snapshot)
          .executeTakeFirstOrThrow()
        const isListed = new Set(shown())
        const listed = model.moments.filter(({ id }) => isListed.has(id))
        const bursts = order.map((id) => model.moments.find((moment) => moment.id === id)).map((m) => m && burstOf(m))
        expect(bursts.toSorted()).toEqual([...new Set(listed.map(burstOf))].toSorted())
        let stayed = order
        const seen: string[] = []
        for (let start: string | undefined = order[0], number = 1; ; number++) {
          const now = new Set(shown())
          stayed = stayed.filter((id) => now.has(id) || seen.includes(id))
          const rest = start === undefined ? [] : order.slice(order.indexOf(start)).filter((id) => now.has(id))
          expect([page.ids, page.next, page.snapshot]).toEqual([rest.slice(0, limit), rest[limit], snapshot])
          seen.push(...page.ids)
          if (page.next === undefined) break
          start = page.next
          for (const change of between[number % between.length] ?? []) {
            await apply(change)
            const now = new Set(shown())
            stayed = stayed.filter((id) => now.has(id) || seen.includes(id))
          }
          page = await read(`limit=${limit}&startUUID=${start}&snapshot=${snapshot}`)
        }
        expect(new Set(seen).size).toBe(seen.length)
        expect(seen.filter((id) => stayed.includes(id))).toEqual(stayed)
      }),
      { numRuns: 25 },
    )
  })
})
