/**
 * Returns the normalized discounted cumulative gain of the first ten: 1 when no order of the candidates is better.
 *
 * @param ranked the gains in the order that was shown
 * @param all the gains of all candidates
 */
export function ndcgAt10(ranked: number[], all: number[]): number {
  const best = dcgAt10(all.toSorted((a, b) => b - a))
  return best === 0 ? 1 : dcgAt10(ranked) / best
}

function dcgAt10(gains: number[]): number {
  return gains.slice(0, 10).reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0)
}

/** Quantile of Student's t distribution with nine degrees of freedom: 95 % of ten seeds' means are within. */
const T_95_OF_TEN = 2.262

/** Returns the mean over ten seeds and half the width of its 95 % interval. */
export function meanOfSeeds(values: number[]): { mean: number; halfWidth: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, halfWidth: T_95_OF_TEN * Math.sqrt(variance / values.length) }
}
