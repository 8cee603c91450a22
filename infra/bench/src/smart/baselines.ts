import type { SimulatedMoment } from './audience.ts'
import type { Candidate, FeedRequest, Ranker, Reaction } from './replay.ts'
import { DAY_MS } from './worlds.ts'

/** Orders unseen moments first, then those liked or shared, then the rest, as the smart feed does; disliked ones never. */
function bestFirst(candidates: Candidate[], score: (candidate: Candidate) => number): SimulatedMoment[] {
  return candidates
    .filter(({ feedback }) => feedback !== -1)
    .map((candidate) => ({ moment: candidate.moment, tier: tierOf(candidate), score: score(candidate) }))
    .sort((a, b) => a.tier - b.tier || b.score - a.score || b.moment.capturedAtMs - a.moment.capturedAtMs)
    .map(({ moment }) => moment)
}

function tierOf({ isSeen, isShared, feedback }: Candidate): number {
  if (!isSeen) return 0
  return feedback === 1 || isShared ? 1 : 2
}

export const newestFirst: Ranker = ({ candidates }) => bestFirst(candidates, ({ moment }) => moment.capturedAtMs)

const randomOrder: Ranker = ({ candidates, random }) => bestFirst(candidates, random)

const mostViewed: Ranker = ({ candidates, nowMs }) =>
  bestFirst(candidates, ({ moment }) => moment.othersViewedAtMs.filter((atMs) => atMs <= nowMs).length)

/** The oracle knows the hidden preference, and is bound by no rule of order. */
const oracle: Ranker = ({ candidates, truth }) =>
  candidates
    .map((candidate) => ({ moment: candidate.moment, worth: truth(candidate) }))
    .sort((a, b) => b.worth - a.worth)
    .map(({ moment }) => moment)

type Attributes = (moment: SimulatedMoment, atMs: number) => string[]

const ofMoment: Attributes = ({ type, robotId, localHour, weekday }) => [
  `type ${type}`,
  `robot ${robotId}`,
  `hours ${Math.floor(localHour / 4)}`,
  `weekend ${weekday >= 6}`,
]

const withAge: Attributes = (moment, atMs) => {
  const days = (atMs - moment.capturedAtMs) / DAY_MS
  return [...ofMoment(moment, atMs), `age ${[1, 3, 7].filter((limit) => days > limit).length}`]
}

/** Counts likes per attribute, smoothed towards the user's mean, and adds up their log odds. */
function smoothedCounts(attributesOf: Attributes): Ranker {
  return ({ candidates, reactions, nowMs }) => {
    const total = { liked: 1, all: 2 }
    const counts = new Map<string, { liked: number; all: number }>()
    for (const reaction of reactions) {
      const liked = isPositive(reaction) ? 1 : 0
      total.liked += liked
      total.all += 1
      for (const attribute of attributesOf(reaction.moment, reaction.atMs)) {
        const count = counts.get(attribute) ?? { liked: 0, all: 0 }
        counts.set(attribute, { liked: count.liked + liked, all: count.all + 1 })
      }
    }
    const rate = total.liked / total.all
    const score = ({ moment }: Candidate) =>
      attributesOf(moment, nowMs).reduce((sum, attribute) => {
        const { liked, all } = counts.get(attribute) ?? { liked: 0, all: 0 }
        const smoothed = (liked + SMOOTHING * rate) / (all + SMOOTHING)
        return sum + Math.log(smoothed / (1 - smoothed))
      }, 0)
    return bestFirst(candidates, score)
  }
}

const SMOOTHING = 5

function isPositive({ kind }: Reaction): boolean {
  return kind === 'like' || kind === 'share'
}

/**
 * The rankers to compare with. The goal "above smoothed counts" is about counts of a moment's own attributes; counts that
 * also have age as an attribute are shown beside it.
 */
export const BASELINES: { name: string; rank: (request: FeedRequest) => SimulatedMoment[] }[] = [
  { name: 'newest first', rank: newestFirst },
  { name: 'random', rank: randomOrder },
  { name: 'most viewed', rank: mostViewed },
  { name: 'smoothed counts', rank: smoothedCounts(ofMoment) },
  { name: 'smoothed counts with age', rank: smoothedCounts(withAge) },
  { name: 'oracle', rank: oracle },
]
