import {
  type ParticipantState,
  participantDemoted,
  participantJoined,
  participantLeft,
  participantMuted,
  participantPromoted,
  participantRemoved,
  participantUnmuted,
} from '@platform/contracts/groups.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { SocialTables } from '../db/schema.ts'
import { copyParticipant, lockPlace } from '../membership/copy.ts'

const TYPES = [
  participantJoined,
  participantLeft,
  participantRemoved,
  participantMuted,
  participantUnmuted,
  participantPromoted,
  participantDemoted,
]

/** Keeps our copy of who is in which group. Each event carries the whole state, so they are all alike. */
export const onParticipantEvents: EventHandler<SocialTables>[] = TYPES.map((type) =>
  on<SocialTables, ParticipantState>(type, async (trx, event) => {
    const place = await lockPlace(trx, event.data.groupId, event.data.userId)
    if (nextVersion(place?.version, event) === 'stale') return
    await copyParticipant(trx, event.entityversion, event.data)
  }),
)
