import { drawAudience, likeProbability, type SimulatedMoment, type SimulatedUser } from './audience.ts'
import { ndcgAt10 } from './ndcg.ts'
import { seededRandom, sigmoid } from './random.ts'
import { BEHAVIOUR, CANDIDATE_DAYS, DAY_MS, START_MS, type World } from './worlds.ts'

/** A user's marks on one moment. */
export interface Marks {
  feedback: 1 | 0 | -1
  isSeen: boolean
  isShared: boolean
}

export interface Candidate extends Marks {
  moment: SimulatedMoment
}

/** One reaction of a user, as the service would have stored it. */
export interface Reaction {
  userId: string
  moment: SimulatedMoment
  kind: 'like' | 'dislike' | 'share' | 'delete'
  atMs: number
}

/** All that a ranker knows when a user opens the feed; `truth` is for the oracle alone. */
export interface FeedRequest {
  nowMs: number
  candidates: Candidate[]
  /** The user's own reactions, oldest first. */
  reactions: Reaction[]
  /** The reactions of all users, the reader among them. */
  allReactions: Reaction[]
  /** Draws the same numbers at each run. */
  random: () => number
  truth: (candidate: Candidate) => number
}

/** Returns moments from best to worst; only the first 30 can be read. */
export type Ranker = (request: FeedRequest) => SimulatedMoment[]

/** NDCG@10 of each day (from 0), as the mean over the users. */
export type DailyNdcg = number[]

const ESTABLISHED_DAYS = 21

/**
 * Runs one ranker through one world: each user opens the feed once a day, reads down the page, and reacts. The ranker
 * learns only from reactions to what it showed. The same moment draws the same reaction whichever ranker shows it.
 */
export function replay({ world, seed, users, established }: Audience, ranker: Ranker): DailyNdcg {
  return run({ world, seed, ranker, users, allReactions: [...established] }, world.days)
}

/** The users of one world and seed, and the reactions of others before the first day; the same for all rankers. */
export interface Audience {
  world: World
  seed: number
  users: SimulatedUser[]
  established: Reaction[]
}

export function gatherAudience(world: World, seed: number, newestFirst: Ranker): Audience {
  return {
    world,
    seed,
    users: drawAudience(world, seed, { name: 'user', users: world.users, days: world.days }),
    established: establishedReactions(world, seed, newestFirst),
  }
}

/** Returns the reactions of users who have read the newest moments first for three weeks before the first day. */
function establishedReactions(world: World, seed: number, newestFirst: Ranker): Reaction[] {
  if (world.establishedUsers === 0) return []
  const group = { name: 'established', users: world.establishedUsers, days: ESTABLISHED_DAYS }
  const users = drawAudience(world, seed, group)
  const allReactions: Reaction[] = []
  run({ world, seed, ranker: newestFirst, users, allReactions }, ESTABLISHED_DAYS)
  // Whole weeks earlier, so that weekdays stay.
  const shiftMs = ESTABLISHED_DAYS * DAY_MS
  return allReactions.map(({ userId, moment, kind, atMs }) => ({
    userId,
    moment: { ...moment, capturedAtMs: moment.capturedAtMs - shiftMs },
    kind,
    atMs: atMs - shiftMs,
  }))
}

interface Run {
  world: World
  seed: number
  ranker: Ranker
  users: SimulatedUser[]
  allReactions: Reaction[]
}

function run({ world, seed, ranker, users, allReactions }: Run, days: number): DailyNdcg {
  const readers = users.map((user): Reader => ({ user, marks: new Map(), deleted: new Set(), own: [] }))
  return Array.from({ length: days }, (_, day) => {
    const isFlipped = world.flipsOnDay !== undefined && day >= world.flipsOnDay
    let sum = 0
    for (const reader of readers) {
      const nowMs = START_MS + day * DAY_MS + reader.user.visitHour * 3_600_000
      const candidates = candidatesOf(reader, nowMs)
      const truth = (candidate: Candidate) => worth(reader.user, candidate, { nowMs, isFlipped })
      const random = seededRandom('ranker', seed, reader.user.id, day)
      const ranked = ranker({ nowMs, candidates, reactions: reader.own, allReactions, random, truth })
      const byId = new Map(candidates.map((candidate) => [candidate.moment.id, truth(candidate)]))
      sum += ndcgAt10(
        ranked.map(({ id }) => byId.get(id) ?? 0),
        [...byId.values()],
      )
      const reactions = read(reader, ranked, { seed, day, nowMs, isFlipped, feedbackRate: world.feedbackRate })
      reader.own.push(...reactions)
      allReactions.push(...reactions)
    }
    return sum / readers.length
  })
}

interface Reader {
  user: SimulatedUser
  marks: Map<string, Marks>
  deleted: Set<string>
  own: Reaction[]
}

const UNMARKED: Marks = { feedback: 0, isSeen: false, isShared: false }

function candidatesOf({ user, marks, deleted }: Reader, nowMs: number): Candidate[] {
  return user.moments
    .filter(
      ({ id, capturedAtMs }) =>
        capturedAtMs <= nowMs && capturedAtMs > nowMs - CANDIDATE_DAYS * DAY_MS && !deleted.has(id),
    )
    .map((moment) => ({ moment, ...(marks.get(moment.id) ?? UNMARKED) }))
}

function worth(user: SimulatedUser, candidate: Candidate, when: { nowMs: number; isFlipped: boolean }): number {
  if (candidate.feedback === -1) return 0
  const probability = likeProbability(user, candidate.moment, when)
  return candidate.isSeen ? BEHAVIOUR.worthOnceSeen * probability : probability
}

interface Visit {
  seed: number
  day: number
  nowMs: number
  isFlipped: boolean
  feedbackRate: number
}

/** Reads down the page, marks what was noticed, and returns the reactions. */
function read(
  { user, marks, deleted }: Reader,
  ranked: SimulatedMoment[],
  { seed, day, nowMs, isFlipped, feedbackRate }: Visit,
): Reaction[] {
  const scrolling = seededRandom('scrolling', seed, user.id, day)
  const reactions: Reaction[] = []
  for (const [i, moment] of ranked.slice(0, BEHAVIOUR.mostPositions).entries()) {
    if (i > 0 && scrolling() >= BEHAVIOUR.scrolls) break
    const isNoticed = scrolling() < BEHAVIOUR.notices
    if (!isNoticed || marks.get(moment.id)?.isSeen) continue
    const reacting = seededRandom('reacting', seed, moment.id)
    const kinds = reactionsTo(
      { probability: likeProbability(user, moment, { nowMs, isFlipped }), position: i + 1, feedbackRate },
      reacting,
    )
    const feedback = kinds.includes('like') ? 1 : kinds.includes('dislike') ? -1 : 0
    marks.set(moment.id, { feedback, isSeen: true, isShared: kinds.includes('share') })
    if (kinds.includes('delete')) deleted.add(moment.id)
    reactions.push(...kinds.map((kind) => ({ userId: user.id, moment, kind, atMs: nowMs })))
  }
  return reactions
}

/** Draws all that could happen in a fixed order, so that a moment's draws don't depend on the ranker. */
function reactionsTo(
  { probability, position, feedbackRate }: { probability: number; position: number; feedbackRate: number },
  random: () => number,
): Reaction['kind'][] {
  const [liking, mistaking, speaking, disliking, deleting, sharing] = Array.from({ length: 6 }, random)
  const trusted = sigmoid(Math.log(probability / (1 - probability)) + BEHAVIOUR.trustInFirst / position)
  const isLiked = (liking ?? 0) < trusted !== (mistaking ?? 0) < BEHAVIOUR.mistaken
  const kinds: Reaction['kind'][] = []
  if (isLiked && (sharing ?? 0) < BEHAVIOUR.shares) kinds.push('share')
  if ((speaking ?? 0) >= feedbackRate) return kinds
  if (isLiked) kinds.push('like')
  else if ((deleting ?? 0) < BEHAVIOUR.deletes) kinds.push('delete')
  else if ((disliking ?? 0) < BEHAVIOUR.dislikes) kinds.push('dislike')
  return kinds
}
