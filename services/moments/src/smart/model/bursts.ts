import type { CandidateMoment } from './types.ts'

/** Moments of one robot and type within 60 s, shown as one item. */
export interface Burst {
  /** The moment that stands for all. */
  moment: CandidateMoment
  similarCount: number
  isSeen: boolean
  /** True when the user liked or shared one of them. */
  isLiked: boolean
}

const BURST_MS = 60_000

/**
 * Collapses bursts. A burst ends 60 s after its first moment, so that a robot that captures all the time still has many.
 * A moment that the user reacted to stands for its burst, else one that the user has seen, else the newest: an item that
 * was seen doesn't come back as its twin.
 */
export function collapseBursts(candidates: readonly CandidateMoment[]): Burst[] {
  const inOrder = candidates.toSorted(
    (a, b) => a.capturedAt.getTime() - b.capturedAt.getTime() || (a.id < b.id ? -1 : 1),
  )
  const open = new Map<string, CandidateMoment[]>()
  const bursts: CandidateMoment[][] = []
  for (const moment of inOrder) {
    const key = JSON.stringify([moment.robotId, moment.type])
    const burst = open.get(key)
    const [first] = burst ?? []
    if (burst && first && moment.capturedAt.getTime() - first.capturedAt.getTime() <= BURST_MS) {
      burst.push(moment)
    } else {
      const started = [moment]
      open.set(key, started)
      bursts.push(started)
    }
  }
  return bursts.map(toBurst)
}

function toBurst(moments: CandidateMoment[]): Burst {
  const moment = moments.reduce((best, next) => (familiarity(next) >= familiarity(best) ? next : best))
  return {
    moment,
    similarCount: moments.length - 1,
    isSeen: moments.some(({ isSeen }) => isSeen),
    isLiked: moments.some(isReactedTo),
  }
}

function familiarity(moment: CandidateMoment): number {
  if (isReactedTo(moment)) return 2
  return moment.isSeen ? 1 : 0
}

function isReactedTo({ feedback, isShared }: CandidateMoment): boolean {
  return feedback === 1 || isShared
}
