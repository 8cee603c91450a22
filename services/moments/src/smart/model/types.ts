/** The traits of a moment that the model learns from. */
export interface MomentTraits {
  robotId: string
  type: string
  capturedAt: Date
  /** Hour of the local wall clock at capture, 0 to 23. */
  localHour: number
  /** Day of the week of the local wall clock at capture: 1 is Monday, 7 is Sunday. */
  weekday: number
  /** Likes and shares by other viewers than the user. */
  otherLikes: number
  otherShares: number
  /** The robot's own measurements, by name. A missing one counts as average. */
  features?: Readonly<Record<string, number>>
}

/** A moment that the feed may show, with this user's marks. */
export interface CandidateMoment extends MomentTraits {
  id: string
  feedback: 1 | 0 | -1
  isSeen: boolean
  isShared: boolean
}

/** One reaction of the user. */
export interface Label {
  moment: MomentTraits
  isLiked: boolean
  /** Weight before aging. */
  weight: number
  at: Date
}

/** Why an item is in the feed. */
export type Why = 'type' | 'robot' | 'hour' | 'fresh' | 'liked-before' | 'explore'

export interface RankedMoment {
  momentId: string
  why: Why
  /** Number of other moments of the same burst that this one stands for. */
  similarCount: number
  /** Predicted probability that the user likes the moment. */
  score: number
}

/** Number of bins of the local day, four hours each. */
export const HOUR_BINS = 6

export function hourBin(localHour: number): number {
  return Math.floor((localHour * HOUR_BINS) / 24)
}

export function isWeekend(weekday: number): boolean {
  return weekday >= 6
}
