import {
  ERASURE_PARTICIPANTS,
  type ErasureParticipant,
  type ErasurePartState,
  erasurePartEvents,
} from '@platform/contracts/erasure.ts'
import { causedBy } from '@platform/events/cloud-event.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { GroupsTables } from '../db/schema.ts'
import { notePart } from '../erasure/erasures.ts'

/** Keeps track of how far the other services are with their parts of an erasure. */
export function onErasureParts(clock: () => Date): EventHandler<GroupsTables>[] {
  return ERASURE_PARTICIPANTS.flatMap((service) => partHandlers(service, clock))
}

function partHandlers(service: ErasureParticipant, clock: () => Date): EventHandler<GroupsTables>[] {
  return Object.values(erasurePartEvents(service)).map((type) =>
    on<GroupsTables, ErasurePartState>(type, async (trx, event) => {
      const { erasureId, erased, completedAt } = event.data
      const part = await trx
        .selectFrom('erasure_part')
        .select('version')
        .where('erasure_id', '=', erasureId)
        .where('service', '=', service)
        .executeTakeFirst()
      if (!part || nextVersion(part.version, event) === 'stale') return
      const progress = {
        erasureId,
        service,
        erased,
        version: event.entityversion,
        completedAt: completedAt === undefined ? undefined : new Date(completedAt),
      }
      await notePart(trx, progress, causedBy(event, clock()))
    }),
  )
}
