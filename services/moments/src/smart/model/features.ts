import type { CoefficientPrior, SparseRow } from './logistic.ts'
import type { Priors } from './priors.ts'
import { HOUR_BINS, hourBin, isWeekend, type MomentTraits } from './types.ts'

/** The part of a score that a coefficient explains to the user. */
export type FeatureGroup = 'type' | 'robot' | 'hour' | 'fresh' | 'other'

/** The coefficients of one fit, and how a moment is encoded for them. */
export interface FeatureSpace {
  prior: CoefficientPrior
  groups: readonly FeatureGroup[]
  /** @param at the instant from which the moment's age is taken */
  encode(moment: MomentTraits, at: Date): SparseRow
}

const PRIOR_VARIANCE = 0.3
const INTERACTION_VARIANCE = 0.15
/** Prior means of the effects of age, so that a new user gets fresh moments first, and of other viewers' likes. */
const AGED_MEAN = -0.7
const FRESH_MEAN = 1.5
const POPULARITY_MEAN = 0.2

/** The most frequent values have a coefficient of their own; the others have none and count as average. */
const MAX_TYPES = 12
const MAX_ROBOTS = 24
const MAX_MEASUREMENTS = 8

const DAY_MS = 86_400_000
const AGED_DAYS = 14
/** Unit of the linear effect of age, in days. */
const AGED_UNIT = 5
/** Measurements further from their mean than this many deviations count as this far. */
const MAX_DEVIATIONS = 3

/** Builds the coefficients for these moments (candidates and labelled ones), with their prior. */
export function featureSpace(moments: readonly MomentTraits[], priors: Priors): FeatureSpace {
  const coefficients = new Coefficients()
  const base = coefficients.add('other', priors.base)
  const types = new Map(
    mostFrequent(
      moments.map(({ type }) => type),
      MAX_TYPES,
    ).map((type) => [
      type,
      {
        index: coefficients.add('type', priors.byType.get(type)),
        byHour: Array.from({ length: HOUR_BINS }, (_, bin) =>
          coefficients.add('type', priors.byTypeAndHour.get(type)?.[bin], INTERACTION_VARIANCE),
        ),
      },
    ]),
  )
  const robots = new Map(
    mostFrequent(
      moments.map(({ robotId }) => robotId),
      MAX_ROBOTS,
    ).map((id) => [id, coefficients.add('robot')]),
  )
  const hours = Array.from({ length: HOUR_BINS }, (_, bin) => coefficients.add('hour', priors.byHour[bin]))
  const weekend = coefficients.add('other')
  const aged = coefficients.add('fresh', AGED_MEAN)
  const fresh = coefficients.add('fresh', FRESH_MEAN)
  const popularity = coefficients.add('other', POPULARITY_MEAN)
  const measurements = scalesOf(moments).map((scale) => ({ scale, index: coefficients.add('other') }))

  return {
    prior: coefficients.prior(),
    groups: coefficients.groups,
    encode(moment, at) {
      const bin = hourBin(moment.localHour)
      const days = Math.max(0, (at.getTime() - moment.capturedAt.getTime()) / DAY_MS)
      const type = types.get(moment.type)
      const indices: number[] = []
      const values: number[] = []
      const put = (index: number | undefined, value: number) => {
        if (index === undefined || value === 0) return
        indices.push(index)
        values.push(value)
      }
      put(base, 1)
      put(type?.index, 1)
      put(type?.byHour[bin], 1)
      put(robots.get(moment.robotId), 1)
      put(hours[bin], 1)
      put(weekend, isWeekend(moment.weekday) ? 1 : 0)
      put(aged, Math.min(days, AGED_DAYS) / AGED_UNIT)
      put(fresh, Math.exp(-days))
      put(popularity, Math.log1p(Math.max(0, moment.otherLikes + moment.otherShares)))
      for (const { scale, index } of measurements) put(index, standardize(moment, scale))
      return { indices, values }
    },
  }
}

class Coefficients {
  readonly groups: FeatureGroup[] = []
  readonly #means: number[] = []
  readonly #variances: number[] = []

  add(group: FeatureGroup, mean = 0, variance = PRIOR_VARIANCE): number {
    this.#means.push(mean)
    this.#variances.push(variance)
    return this.groups.push(group) - 1
  }

  prior(): CoefficientPrior {
    return { means: Float64Array.from(this.#means), variances: Float64Array.from(this.#variances) }
  }
}

/** Returns the most frequent values; equally frequent ones in alphabetical order, so that the order of input is no matter. */
function mostFrequent(values: string[], most: number): string[] {
  return [...Map.groupBy(values, (value) => value)]
    .sort(([a, { length: countOfA }], [b, { length: countOfB }]) => countOfB - countOfA || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([value]) => value)
}

interface Scale {
  name: string
  mean: number
  deviation: number
}

/** Returns the mean and deviation of each measurement that varies, so that a robot's unit doesn't matter. */
function scalesOf(moments: readonly MomentTraits[]): Scale[] {
  const byName = new Map<string, number[]>()
  for (const { features } of moments) {
    for (const [name, value] of Object.entries(features ?? {})) {
      if (!Number.isFinite(value)) continue
      const values = byName.get(name)
      if (values) values.push(value)
      else byName.set(name, [value])
    }
  }
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, values]) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
      return { name, mean, deviation: Math.sqrt(variance) }
    })
    .filter(({ deviation }) => Number.isFinite(deviation) && deviation > 0)
    .slice(0, MAX_MEASUREMENTS)
}

function standardize({ features }: MomentTraits, { name, mean, deviation }: Scale): number {
  const value = features?.[name]
  if (value === undefined || !Number.isFinite(value)) return 0
  return Math.max(-MAX_DEVIATIONS, Math.min(MAX_DEVIATIONS, (value - mean) / deviation))
}
