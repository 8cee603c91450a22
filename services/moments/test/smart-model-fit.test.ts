import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { sinceChange } from '../src/smart/model/drift.ts'
import { ageLabels, labelOf } from '../src/smart/model/labels.ts'
import { type CoefficientPrior, fitLogistic, lossAt, predict, type Sample } from '../src/smart/model/logistic.ts'
import { candidate, DAY, label, NOW } from './smart-model-cast.ts'

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
