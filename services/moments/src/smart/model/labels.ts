import type { Label, MomentTraits } from './types.ts'

/** A user's marks on a moment, with the instant of the newest one. */
export interface MarkedMoment {
  moment: MomentTraits
  feedback: 1 | 0 | -1
  isShared: boolean
  isDeletedByUser: boolean
  at: Date
}

const SHARE_WEIGHT = 0.5
const HALF_LIFE_MS = 60 * 86_400_000
const MAX_LABELS = 500

/**
 * Returns the label that a user's marks amount to, undefined when they say nothing about taste: a moment that was only
 * seen may have been liked or not. Deletion outweighs feedback, and feedback outweighs a share.
 */
export function labelOf({ moment, feedback, isShared, isDeletedByUser, at }: MarkedMoment): Label | undefined {
  if (isDeletedByUser || feedback === -1) return { moment, isLiked: false, weight: 1, at }
  if (feedback === 1) return { moment, isLiked: true, weight: 1, at }
  return isShared ? { moment, isLiked: true, weight: SHARE_WEIGHT, at } : undefined
}

/** Returns the newest 500 labels, newest first, each with a weight that halves every 60 days. */
export function ageLabels(labels: readonly Label[], now: Date): Label[] {
  return labels
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, MAX_LABELS)
    .map(({ moment, isLiked, weight, at }) => {
      const ageMs = Math.max(0, now.getTime() - at.getTime())
      return { moment, isLiked, weight: weight * 2 ** (-ageMs / HALF_LIFE_MS), at }
    })
}
