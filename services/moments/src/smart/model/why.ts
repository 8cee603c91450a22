import type { FeatureGroup } from './features.ts'
import type { SparseRow } from './logistic.ts'
import type { Why } from './types.ts'

type Explained = Exclude<FeatureGroup, 'other'>

const EXPLAINED: readonly Explained[] = ['type', 'robot', 'hour', 'fresh']

/** Sums of what each group of coefficients adds to a logit. */
export type Contributions = Record<FeatureGroup, number>

export function contributionsOf(
  row: SparseRow,
  coefficients: Float64Array,
  groups: readonly FeatureGroup[],
): Contributions {
  const sums: Contributions = { type: 0, robot: 0, hour: 0, fresh: 0, other: 0 }
  for (const [a, index] of row.indices.entries()) {
    sums[groups[index] ?? 'other'] += (coefficients[index] ?? 0) * (row.values[a] ?? 0)
  }
  return sums
}

export function meanContributions(all: readonly Contributions[]): Contributions {
  const mean: Contributions = { type: 0, robot: 0, hour: 0, fresh: 0, other: 0 }
  for (const contributions of all) {
    for (const group of EXPLAINED) mean[group] += contributions[group] / all.length
  }
  return mean
}

/** Returns the group that lifts the item furthest above the mean of all candidates. */
export function mainReason(contributions: Contributions, mean: Contributions): Why {
  const lift = (group: Explained) => contributions[group] - mean[group]
  return EXPLAINED.reduce((best, group) => (lift(group) > lift(best) ? group : best), 'fresh')
}
