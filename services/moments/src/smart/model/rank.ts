import { type Burst, collapseBursts } from './bursts.ts'
import { sinceChange } from './drift.ts'
import { featureSpace } from './features.ts'
import { ageLabels } from './labels.ts'
import { fitLogistic, predict } from './logistic.ts'
import { placeItems, type Tier } from './order.ts'
import type { Priors } from './priors.ts'
import type { CandidateMoment, Label, RankedMoment } from './types.ts'
import { contributionsOf, mainReason, meanContributions } from './why.ts'

const MAX_RANKED = 500
/** Deviations above the mean that an explored moment is given credit for. */
const OPTIMISM = 1

/** The input of a ranking. */
export interface RankingInput {
  candidates: readonly CandidateMoment[]
  labels: readonly Label[]
  priors: Priors
  now: Date
  /** Number of items to return, at most and by default 500. */
  limit?: number
}

/** Returns at most 500 items in the order of the smart feed. Pure: the order of the candidates makes no difference. */
export function rankMoments({ candidates, labels, priors, now, limit = MAX_RANKED }: RankingInput): RankedMoment[] {
  const bursts = collapseBursts(candidates.filter(({ feedback }) => feedback !== -1))
  const aged = ageLabels(labels, now)
  const space = featureSpace(
    [...bursts, ...aged].map(({ moment }) => moment),
    priors,
  )
  const samples = aged.map(({ moment, isLiked, weight, at }) => ({
    row: space.encode(moment, at),
    isLiked,
    weight,
    at,
  }))
  const posterior = fitLogistic(sinceChange(samples, space.prior, now), space.prior)
  const items = bursts.map((burst) => {
    const row = space.encode(burst.moment, now)
    const { logit, variance, probability } = predict(posterior, row)
    return {
      moment: burst.moment,
      similarCount: burst.similarCount,
      tier: tierOf(burst),
      score: probability,
      upperBound: logit + OPTIMISM * Math.sqrt(variance),
      contributions: contributionsOf(row, posterior.means, space.groups),
    }
  })
  items.sort((a, b) => b.score - a.score || newestFirst(a.moment, b.moment))
  const mean = meanContributions(items.map(({ contributions }) => contributions))
  return placeItems(items, Math.min(limit, MAX_RANKED)).map(({ item, isExplored }) => ({
    momentId: item.moment.id,
    why: isExplored ? 'explore' : item.tier === 1 ? 'liked-before' : mainReason(item.contributions, mean),
    similarCount: item.similarCount,
    score: item.score,
  }))
}

function tierOf({ isSeen, isLiked }: Burst): Tier {
  if (!isSeen) return 0
  return isLiked ? 1 : 2
}

function newestFirst(a: CandidateMoment, b: CandidateMoment): number {
  return b.capturedAt.getTime() - a.capturedAt.getTime() || (a.id < b.id ? -1 : 1)
}
