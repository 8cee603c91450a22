import { HOUR_BINS } from './types.ts'

/** Labels of all users for one type in one bin of the local day. */
export interface LikeCount {
  type: string
  /** 0 to 5, see `hourBin`. */
  hourBin: number
  likes: number
  dislikes: number
}

/** Prior means in logits: `base` is the mean of all, the others are differences from it. */
export interface Priors {
  base: number
  byType: ReadonlyMap<string, number>
  byHour: readonly number[]
  /** Differences that type and hour together add to both, by type, then by bin. */
  byTypeAndHour: ReadonlyMap<string, readonly number[]>
}

/** Priors for a platform without any label. */
export const NO_PRIORS: Priors = { base: 0, byType: new Map(), byHour: [], byTypeAndHour: new Map() }

interface Tally {
  likes: number
  all: number
}

// A difference rests on n labels and is multiplied by n / (n + SHRINKAGE).
const SHRINKAGE = 20

/** Returns prior means from the labels of all users, shrunk towards zero where labels are few. */
export function priorsFrom(counts: readonly LikeCount[]): Priors {
  const base = shrink(tallyOf(counts), 0)
  const byType = new Map<string, number>()
  const byHour = Array.from({ length: HOUR_BINS }, (_, bin) =>
    shrink(tallyOf(counts.filter((count) => count.hourBin === bin)), base),
  )
  const byTypeAndHour = new Map<string, number[]>()
  for (const [type, ofType] of Map.groupBy(counts, (count) => count.type)) {
    const typeMean = shrink(tallyOf(ofType), base)
    byType.set(type, typeMean)
    byTypeAndHour.set(
      type,
      byHour.map((hourMean, bin) =>
        shrink(tallyOf(ofType.filter((count) => count.hourBin === bin)), base + typeMean + hourMean),
      ),
    )
  }
  return { base, byType, byHour, byTypeAndHour }
}

function tallyOf(counts: readonly LikeCount[]): Tally {
  const likes = counts.reduce((sum, count) => sum + count.likes, 0)
  return { likes, all: counts.reduce((sum, count) => sum + count.dislikes, likes) }
}

/** Returns the log odds of the tally as a difference from `expected`, shrunk by n / (n + 20). */
function shrink({ likes, all }: Tally, expected: number): number {
  // Half a label on either side keeps the log odds finite.
  const logOdds = Math.log((likes + 0.5) / (all - likes + 0.5))
  return (all / (all + SHRINKAGE)) * (logOdds - expected)
}
