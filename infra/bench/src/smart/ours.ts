import { labelOf } from '@platform/moments/smart/model/labels.ts'
import { priorsFrom } from '@platform/moments/smart/model/priors.ts'
import { rankMoments } from '@platform/moments/smart/model/rank.ts'
import { hourBin, type Label, type MomentTraits } from '@platform/moments/smart/model/types.ts'
import type { SimulatedMoment } from './audience.ts'
import type { Ranker, Reaction } from './replay.ts'
import { BEHAVIOUR, TYPES } from './worlds.ts'

/** The service's model, given what the service would read from its database. */
export const ours: Ranker = ({ nowMs, candidates, reactions, allReactions }) => {
  const moments = new Map(candidates.map(({ moment }) => [moment.id, moment]))
  const ranked = rankMoments({
    candidates: candidates.map(({ moment, feedback, isSeen, isShared }) => ({
      ...traitsOf(moment, nowMs),
      id: moment.id,
      feedback,
      isSeen,
      isShared,
    })),
    labels: labelsOf(reactions, nowMs),
    priors: priorsFrom(countLikes(allReactions)),
    now: new Date(nowMs),
    // Readers of the simulation scroll no further.
    limit: BEHAVIOUR.mostPositions,
  })
  return ranked.flatMap(({ momentId }) => moments.get(momentId) ?? [])
}

function traitsOf(moment: SimulatedMoment, nowMs: number): MomentTraits {
  return {
    robotId: moment.robotId,
    type: moment.type,
    capturedAt: new Date(moment.capturedAtMs),
    localHour: moment.localHour,
    weekday: moment.weekday,
    otherLikes: moment.othersLikedAtMs.filter((atMs) => atMs <= nowMs).length,
    otherShares: 0,
    features: moment.features,
  }
}

function labelsOf(reactions: Reaction[], nowMs: number): Label[] {
  return [...Map.groupBy(reactions, ({ moment }) => moment)].flatMap(([moment, ofMoment]) => {
    const has = (kind: Reaction['kind']) => ofMoment.some((reaction) => reaction.kind === kind)
    const label = labelOf({
      moment: traitsOf(moment, nowMs),
      feedback: has('like') ? 1 : has('dislike') ? -1 : 0,
      isShared: has('share'),
      isDeletedByUser: has('delete'),
      at: new Date(Math.max(...ofMoment.map(({ atMs }) => atMs))),
    })
    return label ?? []
  })
}

function countLikes(reactions: Reaction[]) {
  return TYPES.flatMap((type) => {
    const ofType = reactions.filter(({ moment }) => moment.type === type)
    return Array.from({ length: 6 }, (_, bin) => {
      const ofBin = ofType.filter(({ moment }) => hourBin(moment.localHour) === bin)
      const likes = ofBin.filter(({ kind }) => kind === 'like').length
      const dislikes = ofBin.filter(({ kind }) => kind === 'dislike' || kind === 'delete').length
      return { type, hourBin: bin, likes, dislikes }
    })
  })
}
