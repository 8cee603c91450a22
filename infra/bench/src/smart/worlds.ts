/**
 * The simulated audiences of the smart feed's evaluation. They were fixed before the model was written, and must not be
 * changed to suit it: a change makes every figure measured before incomparable.
 *
 * Each world has users with robots that capture moments over days. A user's hidden preference has effects that the model
 * can't express: robot × type, a U-shaped effect of a feature, an appeal of each moment, an hour effect without steps, a
 * freshness with each user's own decay. Feedback is noisy, given only on moments that were shown, and depends on position.
 */
export interface World {
  name: string
  /** Number of users whose sessions are measured. */
  users: number
  /** Number of daily sessions. */
  days: number
  /** The first day that counts in the mean; learning before it is the subject of the world "first week". */
  measuredFrom: number
  /** Mean number of moments that all robots of one user capture in a day. */
  momentsPerDay: number
  /** Multiplies every effect of freshness; 0 means that age has no effect. */
  freshness: number
  /** Multiplies every effect of a type, robot, hour and feature, and of a moment's appeal. */
  taste: number
  /** Probability of explicit feedback on a moment that the user noticed. */
  feedbackRate: number
  /** From this day on, the effects of type, robot, hour, weekend and feature have the opposite sign. */
  flipsOnDay?: number
  /** Number of other users with three weeks of feedback before the first day. */
  establishedUsers: number
}

const BASE: World = {
  name: 'base',
  users: 8,
  days: 30,
  measuredFrom: 8,
  momentsPerDay: 20,
  freshness: 1,
  taste: 1,
  feedbackRate: 0.4,
  establishedUsers: 0,
}

export const WORLDS: World[] = [
  BASE,
  { ...BASE, name: 'no freshness', freshness: 0 },
  { ...BASE, name: 'weak taste', taste: 0.25 },
  { ...BASE, name: 'taste flips', days: 34, flipsOnDay: 20 },
  { ...BASE, name: 'feedback 10 %', feedbackRate: 0.1 },
  { ...BASE, name: '5 a day', momentsPerDay: 5 },
  { ...BASE, name: '50 a day', momentsPerDay: 50 },
  { ...BASE, name: 'first week', days: 7, measuredFrom: 1, establishedUsers: 16 },
]

/** Number of seeds; each draws its own users, robots, moments and reactions. */
export const SEEDS = Array.from({ length: 10 }, (_, i) => i + 1)

export const TYPES = ['video', 'photo', 'greeting', 'pet', 'play', 'patrol'] as const

/** Days of captures that exist before the first session. */
export const BACKLOG_DAYS = 7
/** Moments older than this many days are no candidates. */
export const CANDIDATE_DAYS = 30
export const DAY_MS = 86_400_000
/** A Monday at midnight. Every robot and user of the simulation lives in the zone UTC. */
export const START_MS = Date.UTC(2026, 0, 5)

/** Standard deviations and sizes of the hidden effects, in logits. */
export const EFFECTS = {
  intercept: { mean: -0.7, deviation: 0.3 },
  /** Shared by all users of a seed. */
  populationType: 0.5,
  populationHour: 0.3,
  /** Each user's own. */
  type: 0.8,
  robot: 0.6,
  hour: { least: 0.2, most: 0.9 },
  weekend: 0.3,
  typeHour: 0.4,
  feature: 0.3,
  /** Beyond the model. */
  robotType: 0.4,
  featureCurve: 0.3,
  appealToAll: 0.5,
  appealToUser: 0.4,
  freshness: { least: 0.8, most: 2.2, leastDays: 1, mostDays: 5 },
} as const

/** How users read a page and react. */
export const BEHAVIOUR = {
  /** Probability to scroll on to the next position. */
  scrolls: 0.92,
  mostPositions: 30,
  /** Probability to notice a moment that was scrolled past. */
  notices: 0.9,
  /** Logits added at the first position; the effect falls with 1/position. */
  trustInFirst: 0.5,
  /** Share of reactions that are the opposite of what was meant. */
  mistaken: 0.03,
  /** Among moments that would get feedback but aren't liked: the others are passed in silence. */
  dislikes: 0.6,
  deletes: 0.05,
  /** Among liked moments, also without explicit feedback. */
  shares: 0.08,
  /** How much of a moment's worth is left after the user has seen it. */
  worthOnceSeen: 0.2,
} as const
