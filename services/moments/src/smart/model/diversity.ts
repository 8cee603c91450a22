import type { MomentTraits } from './types.ts'

/** Share of relevance against similarity in maximal marginal relevance. */
export const SCORE_SHARE = 0.8

/** Captures of one scene are within hours; the same type on another day is another scene. */
const FADES_AFTER_MS = 3 * 3_600_000

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

/** Returns 1 for simultaneous moments of one type and robot, less for those further apart, 0 when neither is the same. */
function similarity(a: MomentTraits, b: MomentTraits): number {
  const shared = (a.type === b.type ? 0.5 : 0) + (a.robotId === b.robotId ? 0.5 : 0)
  if (shared === 0) return 0
  return shared * Math.exp(-Math.abs(a.capturedAt.getTime() - b.capturedAt.getTime()) / FADES_AFTER_MS)
}
