import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { collapseBursts } from '../src/smart/model/bursts.ts'
import { type LikeCount, NO_PRIORS, priorsFrom } from '../src/smart/model/priors.ts'
import { rankMoments } from '../src/smart/model/rank.ts'
import type { CandidateMoment, Label, RankedMoment } from '../src/smart/model/types.ts'
import { candidate, label, NOW } from './smart-model-cast.ts'

const rank = (candidates: CandidateMoment[], labels: Label[] = [], priors = NO_PRIORS) =>
  rankMoments({ candidates, labels, priors, now: NOW })

const idsOf = (ranked: RankedMoment[]) => ranked.map(({ momentId }) => momentId)

const types = fc.constantFrom('photo', 'video', 'pet', 'greeting')
const robots = fc.constantFrom('robot-1', 'robot-2', 'robot-3')
const traits = fc.record({
  type: types,
  robotId: robots,
  localHour: fc.integer({ min: 0, max: 23 }),
  weekday: fc.integer({ min: 1, max: 7 }),
  otherLikes: fc.nat(5),
  features: fc.record({ motion: fc.integer({ min: -50, max: 50 }) }),
})
const marks = fc.record({
  feedback: fc.constantFrom<1 | 0 | -1>(0, 0, 0, 1, -1),
  isSeen: fc.boolean(),
  isShared: fc.constantFrom(false, false, true),
})
const candidateLists = fc
  .array(fc.tuple(fc.nat(40_000), traits, marks), { maxLength: 120 })
  .map((drawn) => drawn.map(([minutes, t, m], i) => candidate(`moment-${i}`, minutes, { ...t, ...m })))
const labelLists = fc
  .array(fc.tuple(fc.boolean(), traits, fc.integer({ min: 1, max: 60 })), { maxLength: 60 })
  .map((drawn) => drawn.map(([isLiked, t, daysAgo]) => label(isLiked, t, daysAgo)))

describe('the order of the smart feed', () => {
  /** Returns the feed, each item with its moment and the tier that it has to be in. */
  function placedWithTiers(candidates: CandidateMoment[], labels: Label[]) {
    const bursts = new Map(
      collapseBursts(candidates.filter(({ feedback }) => feedback !== -1)).map((burst) => [burst.moment.id, burst]),
    )
    return rank(candidates, labels).map((item) => {
      const burst = bursts.get(item.momentId)
      if (!burst) throw new Error('The feed shows a moment that is no candidate.')
      return { ...item, moment: burst.moment, tier: burst.isSeen ? (burst.isLiked ? 1 : 2) : 0 }
    })
  }

  it('shows each burst once, and no disliked moment', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        const wanted = candidates.filter(({ feedback }) => feedback !== -1)
        const ranked = rank(candidates, labels)
        const shown = new Set(idsOf(ranked))
        expect(shown.size).toBe(ranked.length)
        expect(ranked.reduce((sum, { similarCount }) => sum + 1 + similarCount, 0)).toBe(wanted.length)
        expect(wanted.filter(({ id }) => shown.has(id))).toHaveLength(ranked.length)
      }),
    )
  })

  it('shows unseen items first, then those liked or shared, then the rest', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        const tiers = placedWithTiers(candidates, labels).map(({ tier }) => tier)
        expect(tiers).toEqual(tiers.toSorted())
      }),
    )
  })

  it('has a fifth item of a type in ten only when its tier has no other type left', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        const placed = placedWithTiers(candidates, labels)
        const countBefore = (i: number, type: string) =>
          placed.slice(Math.max(0, i - 9), i).filter(({ moment }) => moment.type === type).length
        for (const [i, { moment, tier }] of placed.entries()) {
          if (countBefore(i, moment.type) < 4) continue
          const left = placed.slice(i).filter((item) => item.tier === tier)
          expect(left.filter((item) => countBefore(i, item.moment.type) < 4)).toEqual([])
        }
      }),
    )
  })

  it('has three items of one robot running only when no other robot has an item that the types allow', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        const placed = placedWithTiers(candidates, labels)
        for (let i = 2; i < placed.length; i++) {
          const robotIds = new Set(placed.slice(i - 2, i + 1).map(({ moment }) => moment.robotId))
          if (robotIds.size > 1) continue
          const before = placed.slice(Math.max(0, i - 9), i)
          const isFull = (type: string) => before.filter(({ moment }) => moment.type === type).length >= 4
          const left = placed.slice(i).filter(({ tier }) => tier === placed[i]?.tier)
          const free = left.filter(({ moment }) => !isFull(moment.type))
          const allowed = free.length > 0 ? free : left
          expect(allowed.filter(({ moment }) => !robotIds.has(moment.robotId))).toEqual([])
        }
      }),
    )
  })

  it('explores at positions 5 and 10 of each ten, among unseen items alone', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        for (const [i, { why, tier }] of placedWithTiers(candidates, labels).entries()) {
          expect(why === 'explore').toBe(tier === 0 && i % 5 === 4)
        }
      }),
    )
  })

  it('is the same for the same candidates in any order', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        expect(rank(candidates.toReversed(), labels)).toEqual(rank(candidates, labels))
      }),
    )
  })

  it("does not depend on the unit of a robot's measurement", () => {
    fc.assert(
      fc.property(candidateLists, labelLists, (candidates, labels) => {
        // A power of two scales without rounding.
        const scaled = <T extends { features?: Readonly<Record<string, number>> }>(moment: T): T => ({
          ...moment,
          features: { motion: 1024 * (moment.features?.motion ?? 0) },
        })
        const scaledLabels = labels.map((one) => ({ ...one, moment: scaled(one.moment) }))
        expect(rank(candidates.map(scaled), scaledLabels)).toEqual(rank(candidates, labels))
      }),
    )
  })

  it('has at most 500 items', () => {
    const candidates = Array.from({ length: 700 }, (_, i) => candidate(`moment-${i}`, 2 * i))
    expect(rank(candidates)).toHaveLength(500)
  })

  it('starts with the same items when fewer are wanted', () => {
    fc.assert(
      fc.property(candidateLists, labelLists, fc.nat(30), (candidates, labels, limit) => {
        const few = rankMoments({ candidates, labels, priors: NO_PRIORS, now: NOW, limit })
        expect(few).toEqual(rank(candidates, labels).slice(0, limit))
      }),
    )
  })

  it('says why an item is shown', () => {
    const liked = Array.from({ length: 20 }, () => label(true, { type: 'pet' }))
    const disliked = Array.from({ length: 20 }, () => label(false, { type: 'photo' }))
    const ranked = rank(
      [
        candidate('pet', 3_000, { type: 'pet' }),
        candidate('fresh', 5),
        candidate('old', 30_000),
        candidate('kept', 3_100, { isSeen: true, feedback: 1 }),
      ],
      [...liked, ...disliked],
    )
    const whyOf = new Map(ranked.map(({ momentId, why }) => [momentId, why]))
    expect([whyOf.get('pet'), whyOf.get('fresh'), whyOf.get('kept')]).toEqual(['type', 'fresh', 'liked-before'])
  })
})

describe('the feed of a new user', () => {
  it('shows fresh moments first', () => {
    const candidates = [4_000, 9_000, 3, 700].map((minutes) => candidate(`${minutes} minutes old`, minutes))
    expect(idsOf(rank(candidates)).slice(0, 2)).toEqual(['3 minutes old', '700 minutes old'])
  })

  it('shows what other users like, among moments of one age', () => {
    const counts: LikeCount[] = [
      { type: 'photo', hourBin: 3, likes: 5, dislikes: 95 },
      { type: 'pet', hourBin: 3, likes: 95, dislikes: 5 },
    ]
    const candidates = [candidate('photo', 100), candidate('pet', 105, { type: 'pet' })]
    expect(idsOf(rank(candidates, [], priorsFrom(counts)))).toEqual(['pet', 'photo'])
  })

  it('shows what other viewers liked, among moments of one type and age', () => {
    const candidates = [candidate('plain', 100), candidate('popular', 105, { otherLikes: 4 })]
    expect(idsOf(rank(candidates))).toEqual(['popular', 'plain'])
  })

  it('believes other users more when they are many', () => {
    const few = priorsFrom([
      { type: 'pet', hourBin: 0, likes: 9, dislikes: 1 },
      { type: 'photo', hourBin: 0, likes: 1, dislikes: 9 },
    ])
    const many = priorsFrom([
      { type: 'pet', hourBin: 0, likes: 900, dislikes: 100 },
      { type: 'photo', hourBin: 0, likes: 100, dislikes: 900 },
    ])
    expect(few.byType.get('pet')).toBeGreaterThan(0)
    expect(many.byType.get('pet')).toBeGreaterThan(2 * (few.byType.get('pet') ?? 0))
  })
})

describe('bursts', () => {
  const secondsAgo = (id: string, seconds: number, given: Partial<CandidateMoment> = {}) =>
    candidate(id, 100 + seconds / 60, given)

  it('collapse moments of one robot and type within 60 s into the newest', () => {
    const [burst, ...others] = collapseBursts([secondsAgo('a', 60), secondsAgo('b', 30), secondsAgo('c', 0)])
    expect([burst?.moment.id, burst?.similarCount, others.length]).toEqual(['c', 2, 0])
  })

  it('end 60 s after their first moment', () => {
    const bursts = collapseBursts([secondsAgo('a', 61), secondsAgo('b', 30), secondsAgo('c', 0)])
    expect(bursts.map(({ moment, similarCount }) => [moment.id, similarCount])).toEqual([
      ['b', 1],
      ['c', 0],
    ])
  })

  it('keep robots and types apart', () => {
    const bursts = collapseBursts([
      secondsAgo('a', 2),
      secondsAgo('b', 1, { type: 'video' }),
      secondsAgo('c', 0, { robotId: 'robot-2' }),
    ])
    expect(bursts).toHaveLength(3)
  })

  it('show the moment that the user reacted to, and count as seen with it', () => {
    const [burst] = collapseBursts([secondsAgo('a', 20, { isSeen: true, feedback: 1 }), secondsAgo('b', 0)])
    expect([burst?.moment.id, burst?.isSeen, burst?.isLiked]).toEqual(['a', true, true])
  })
})
