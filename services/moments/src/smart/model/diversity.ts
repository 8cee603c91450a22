import { hourBin, type MomentTraits } from './types.ts'

/** Share of relevance against similarity in maximal marginal relevance. */
export const SCORE_SHARE = 0.8

const DAY_MS = 86_400_000

/**
 * Returns a scale of scores from 0 (the worst of the pool) to 1 (the best), so that they compare with similarities.
 *
 * @param pool from best to worst
 */
export function relevanceScale(pool: readonly { score: number }[]): (item: { score: number }) => number {
  const best = pool[0]?.score ?? 0
  const range = best - (pool.at(-1)?.score ?? 0)
  return ({ score }) => (range > 0 ? 1 - (best - score) / range : 1)
}

/** Returns the similarity to the most similar of the others, 0 when there is none. */
export function nearest(moment: MomentTraits, others: readonly MomentTraits[]): number {
  let most = 0
  for (const other of others) most = Math.max(most, similarity(moment, other))
  return most
}

/** Returns 0 for moments that share nothing, to 1 for moments of one type, robot, time of the day and date. */
function similarity(a: MomentTraits, b: MomentTraits): number {
  return (
    (a.type === b.type ? 0.4 : 0) +
    (a.robotId === b.robotId ? 0.2 : 0) +
    (hourBin(a.localHour) === hourBin(b.localHour) ? 0.2 : 0) +
    (Math.abs(a.capturedAt.getTime() - b.capturedAt.getTime()) < DAY_MS ? 0.2 : 0)
  )
}
