import type { CandidateMoment, Label } from '../src/smart/model/types.ts'

export const NOW = new Date('2026-03-02T20:00:00Z')
const MINUTE = 60_000
export const DAY = 86_400_000

/** Returns a candidate that no user has touched, captured so many minutes ago. */
export function candidate(id: string, minutesAgo: number, traits: Partial<CandidateMoment> = {}): CandidateMoment {
  return {
    id,
    robotId: 'robot-1',
    type: 'photo',
    capturedAt: new Date(NOW.getTime() - minutesAgo * MINUTE),
    localHour: 12,
    weekday: 1,
    otherLikes: 0,
    otherShares: 0,
    feedback: 0,
    isSeen: false,
    isShared: false,
    ...traits,
  }
}

/** Returns a reaction of so many days ago, to a moment that was an hour old then. */
export function label(isLiked: boolean, traits: Partial<CandidateMoment> = {}, daysAgo = 1): Label {
  const moment = candidate('labelled', (daysAgo * DAY) / MINUTE + 60, traits)
  return { moment, isLiked, weight: 1, at: new Date(NOW.getTime() - daysAgo * DAY) }
}
