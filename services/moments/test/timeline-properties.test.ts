import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Bucket, TimelinePage } from '../src/timeline/shapes.ts'
import { type MomentsPlatform, startMomentsPlatform } from './harness.ts'
import { FILTERS, MomentModel, type Operation } from './moment-model.ts'
import { markMoments, pinMoments } from './mutations.ts'

let moments: MomentsPlatform
beforeAll(async () => {
  moments = await startMomentsPlatform()
})
afterAll(() => moments.stop())

const n = fc.nat({ max: 10_000 })
const operation: fc.Arbitrary<Operation> = fc.record({
  what: fc.constantFrom('arrive', 'arrive', 'delete', 'restore', 'purge', 'expire'),
  n,
})
const reading = fc.record({
  /** Applied before the first page is read. */
  before: fc.array(operation, { maxLength: 6 }),
  arrivals: fc.array(n, { minLength: 4, maxLength: 16 }),
  limit: fc.integer({ min: 1, max: 4 }),
  filter: fc.constantFrom(...FILTERS),
  /** Applied between two pages. */
  between: fc.array(fc.array(operation, { maxLength: 3 }), { minLength: 8, maxLength: 8 }),
})

async function scene({ arrivals, before }: { arrivals: number[]; before: Operation[] }) {
  const person = moments.platform.person()
  const model = await MomentModel.create(moments, person)
  for (const arrival of arrivals) await model.apply({ what: 'arrive', n: arrival })
  for (const earlier of before) await model.apply(earlier)
  const read = async (query: string) => {
    const { status, body } = await person.get<TimelinePage>(`/moments?${query}`)
    expect(status).toBe(200)
    return { ...body, ids: body.data.map(({ uuid }) => uuid) }
  }
  return { person, model, read }
}

describe('the timeline, while moments arrive, go, come back and expire', () => {
  it('shows by page number and anchor exactly what was there on the first page and is not deleted', async () => {
    await fc.assert(
      fc.asyncProperty(reading, async ({ limit, filter, between, ...past }) => {
        const { model, read } = await scene(past)
        const list = model.list(filter.isListed)
        const first = await read(`limit=${limit}${filter.query}`)
        expect([first.ids, first.total]).toEqual([list.slice(0, limit), list.length])
        for (let page = 1; (page - 1) * limit <= list.length; page++) {
          for (const change of between[page % between.length] ?? []) await model.apply(change)
          const { ids, total } = await read(`limit=${limit}&page=${page}&asOf=${first.asOf}${filter.query}`)
          const expected = list.slice((page - 1) * limit, page * limit).filter((id) => model.isLive(id))
          expect([ids, total]).toEqual([expected, list.length])
        }
      }),
      { numRuns: 15 },
    )
  })

  it('shows by cursor everything that stays once, in order, and nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(reading, async ({ limit, filter, between, ...past }) => {
        const { model, read } = await scene(past)
        let stayed = model.list(filter.isListed)
        const seen: string[] = []
        let query = ''
        for (let page = 1; ; page++) {
          const { ids, next } = await read(`limit=${limit}${query}${filter.query}`)
          seen.push(...ids)
          if (next === undefined) break
          query = `&after=${next}`
          for (const change of between[page % between.length] ?? []) {
            const changed = change.what === 'arrive' ? undefined : (await model.apply(change))?.id
            if (change.what === 'arrive') await model.apply(change)
            stayed = stayed.filter((id) => id !== changed)
          }
        }
        expect(new Set(seen).size).toBe(seen.length)
        expect(seen.filter((id) => stayed.includes(id))).toEqual(stayed)
        const times = seen.map((id) => model.moments.find((moment) => moment.id === id)?.capturedAt.getTime() ?? 0)
        expect(times).toEqual(times.toSorted((a, b) => b - a))
      }),
      { numRuns: 15 },
    )
  })
})

describe('buckets', () => {
  const keys = {
    localTime: fc.constantFrom('17:00:00-19:00:00', '22:30:00-03:00:00', '00:00:00-24:00:00', '05:00:00-05:00:01'),
    type: fc.constantFrom('photo', 'video', 'none'),
    capturedAt: fc.constantFrom('2026-01-02T00:00:00Z/..', '../2026-01-02T07:00:00Z', '../..'),
    feedback: fc.constantFrom('1', '0', '-1'),
    seen: fc.boolean(),
    pinned: fc.boolean(),
    expired: fc.boolean(),
  }
  const filters = fc.array(fc.record(keys, { requiredKeys: [] }), { minLength: 8, maxLength: 8 })
  const total = (buckets: Bucket[], key: 'total' | 'unseen' | 'liked') =>
    buckets.reduce((sum, bucket) => sum + bucket[key], 0)

  it('add up to the timeline of the same filter', async () => {
    const arrivals = fc.array(n, { minLength: 10, maxLength: 25 })
    const past = fc.record({ arrivals, before: fc.array(operation, { maxLength: 12 }) })
    await fc.assert(
      fc.asyncProperty(past, fc.array(n, { maxLength: 8 }), filters, async (past, picks, chosen) => {
        const { person, model, read } = await scene(past)
        for (const pick of picks) {
          const id = model.moments[pick % model.moments.length]?.id ?? ''
          if (pick % 4 === 0) await pinMoments(moments.db, [id])
          else await markMoments(moments.db, person.id, [id], { feedback: (pick % 4) - 2, isSeen: pick % 5 < 3 })
        }
        for (const filter of chosen) {
          const query = Object.entries(filter)
            .map(([key, value]) => `filter[${key}]=${value}`)
            .join('&')
          const list = await read(`limit=100&${query}`)
          for (const [by, length] of [
            ['day', 10],
            ['month', 7],
            ['hour', 13],
          ] as const) {
            const { body } = await person.get<Bucket[]>(`/moments/buckets?by=${by}&${query}`)
            const localOf = ({ localDate, localTime }: TimelinePage['data'][number]) => `${localDate}T${localTime}`
            const counted = Map.groupBy(list.data, (moment) => localOf(moment).slice(0, length))
            expect(body.map((bucket) => [bucket.bucket, bucket.total])).toEqual(
              [...counted]
                .map(([bucket, { length }]) => [bucket, length])
                .toSorted()
                .reverse(),
            )
            expect(total(body, 'total')).toBe(list.total)
            expect(total(body, 'unseen')).toBe(list.data.filter(({ seen }) => !seen).length)
            expect(total(body, 'liked')).toBe(list.data.filter(({ feedback }) => feedback === 1).length)
          }
        }
      }),
      { numRuns: 7 },
    )
  })
})
