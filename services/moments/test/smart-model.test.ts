import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { collapseBursts } from '../src/smart/model/bursts.ts'
import { sinceChange } from '../src/smart/model/drift.ts'
import { ageLabels, labelOf } from '../src/smart/model/labels.ts'
import { type CoefficientPrior, fitLogistic, lossAt, predict, type Sample } from '../src/smart/model/logistic.ts'
import { type LikeCount, NO_PRIORS, priorsFrom } from '../src/smart/model/priors.ts'
import { rankMoments } from '../src/smart/model/rank.ts'
import type { CandidateMoment, Label, RankedMoment } from '../src/smart/model/types.ts'

const NOW = new Date('2026-03-02T20:00:00Z')
const MINUTE = 60_000
const DAY = 86_400_000

/** Returns a candidate that no user has touched, captured so many minutes ago. */
function candidate(id: string, minutesAgo: number, traits: Partial<CandidateMoment> = {}): CandidateMoment {
  return {
    id,
    robotId: 'robot-1',
    type: 'photo',
    capturedAt: new Date(NOW.getTime() - minutesAgo * MINUTE),
    localHour: 12,
    weekday: 1,
    otherLikes: 0,
    otherShares: 0,
    feedback: 0,
    isSeen: false,
    isShared: false,
    ...traits,
  }
}

function label(isLiked: boolean, traits: Partial<CandidateMoment> = {}, daysAgo = 1): Label {
  const moment = candidate('labelled', (daysAgo * DAY) / MINUTE + 60, traits)
  return { moment, isLiked, weight: 1, at: new Date(NOW.getTime() - daysAgo * DAY) }
}

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

describe('the regression', () => {
  const samples = fc.array(
    fc.record({
      row: fc
        .array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 })
        .map((values) => ({ indices: [0, 1, 2, 3], values })),
      isLiked: fc.boolean(),
      weight: fc.double({ min: 0.1, max: 1, noNaN: true }),
    }),
    { maxLength: 30 },
  )
  const prior: CoefficientPrior = {
    means: Float64Array.from([0.5, 0, -0.5, 1]),
    variances: Float64Array.from([0.3, 0.3, 0.15, 0.3]),
  }

  /** Minimizes by trying each coefficient in turn, in steps that become smaller. */
  function searchOptimum(drawn: Sample[]): Float64Array {
    let best = Float64Array.from(prior.means)
    for (let step = 0.5; step > 1e-6; ) {
      const tries = [...best].flatMap((value, i) => [best.with(i, value - step), best.with(i, value + step)])
      const better = tries.find((means) => lossAt(means, drawn, prior) < lossAt(best, drawn, prior))
      if (better) best = better
      else step /= 2
    }
    return best
  }

  it('finds the optimum that a numeric search finds', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const { means } = fitLogistic(drawn, prior)
        for (const [i, value] of searchOptimum(drawn).entries()) expect(means[i]).toBeCloseTo(value, 3)
      }),
      { numRuns: 30 },
    )
  })

  it('has the inverse of the numeric second derivatives as covariance', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const { means, covariance } = fitLogistic(drawn, prior)
        const step = 1e-3
        const shifted = (i: number, j: number, a: number, b: number) => {
          const moved = Float64Array.from(means)
          moved[i] = (moved[i] ?? 0) + a * step
          moved[j] = (moved[j] ?? 0) + b * step
          return lossAt(moved, drawn, prior)
        }
        const curvature = (i: number, j: number) =>
          (shifted(i, j, 1, 1) - shifted(i, j, 1, -1) - shifted(i, j, -1, 1) + shifted(i, j, -1, -1)) / (4 * step ** 2)
        for (let row = 0; row < 4; row++) {
          for (let column = 0; column < 4; column++) {
            const product = [0, 1, 2, 3].reduce(
              (sum, k) => sum + curvature(row, k) * (covariance.values[k * 4 + column] ?? 0),
              0,
            )
            expect(product).toBeCloseTo(row === column ? 1 : 0, 3)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it('takes a sample of weight 1 as two of weight 0.5', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const halves = drawn.flatMap((sample) => Array(2).fill({ ...sample, weight: sample.weight / 2 }))
        const [whole, halved] = [fitLogistic(drawn, prior), fitLogistic(halves, prior)]
        for (const [i, mean] of whole.means.entries()) expect(halved.means[i]).toBeCloseTo(mean, 6)
      }),
    )
  })

  it('is less certain, and closer to one half, without labels', () => {
    const row = { indices: [0, 3], values: [1, 1] }
    const liked = Array.from({ length: 20 }, (): Sample => ({ row, isLiked: true, weight: 1 }))
    const [before, after] = [predict(fitLogistic([], prior), row), predict(fitLogistic(liked, prior), row)]
    expect(before.variance).toBeCloseTo(0.6)
    expect(after.variance).toBeLessThan(before.variance)
    expect(before.probability).toBeLessThan(1 / (1 + Math.exp(-before.logit)))
    expect(after.probability).toBeGreaterThan(before.probability)
  })
})

describe('the labels', () => {
  const moment = candidate('moment', 10)
  it.each([
    ['a like', { feedback: 1 as const }, [true, 1]],
    ['a dislike', { feedback: -1 as const }, [false, 1]],
    ['a share', { isShared: true }, [true, 0.5]],
    ['a like of a shared moment', { feedback: 1 as const, isShared: true }, [true, 1]],
    ['a dislike of a shared moment', { feedback: -1 as const, isShared: true }, [false, 1]],
    ['the deletion of a liked moment', { feedback: 1 as const, isDeletedByUser: true }, [false, 1]],
    ['a moment that was only seen', {}, [undefined, undefined]],
  ])('take %s for what it says', (_, given, wanted) => {
    const found = labelOf({ moment, feedback: 0, isShared: false, isDeletedByUser: false, at: NOW, ...given })
    expect([found?.isLiked, found?.weight]).toEqual(wanted)
  })

  it('lose half of their weight in 60 days', () => {
    const weights = ageLabels([label(true, {}, 60), label(true, {}, 120)], NOW).map(({ weight }) => weight)
    expect(weights).toEqual([0.5, 0.25])
  })

  it('are the newest 500', () => {
    const labels = Array.from({ length: 600 }, (_, i) => label(true, {}, 600 - i))
    const kept = ageLabels(labels, NOW)
    expect(kept).toHaveLength(500)
    expect(kept.at(-1)?.at).toEqual(new Date(NOW.getTime() - 500 * DAY))
  })
})

describe('a change of taste', () => {
  const prior: CoefficientPrior = { means: new Float64Array(2), variances: Float64Array.from([0.3, 0.3]) }
  const days = Array.from({ length: 60 }, (_, i) => i / 2)
  const sampleOf = (daysAgo: number, isLiked: boolean) => {
    const row = { indices: [0, 1], values: [1, 1] }
    return { row, isLiked, weight: 1, at: new Date(NOW.getTime() - daysAgo * DAY) }
  }

  it('outdates the labels before it', () => {
    const flipped = days.map((daysAgo) => sampleOf(daysAgo, daysAgo > 7))
    const kept = sinceChange(flipped, prior, NOW)
    expect(kept.filter(({ isLiked }) => isLiked)).toEqual([])
  })

  it('is not seen in a taste that stays', () => {
    const steady = days.map((daysAgo, i) => sampleOf(daysAgo, i % 3 > 0))
    expect(sinceChange(steady, prior, NOW)).toHaveLength(days.length)
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
