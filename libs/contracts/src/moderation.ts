import { defineEvent } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { erasurePartEvents } from './erasure.ts'
import { DateTime, EntityType, ModerationStatus, Nullable, Uuid } from './shapes.ts'

/** One step of the status machine, as the audit trail keeps it. */
export const TransitionState = Type.Object({
  id: Uuid,
  entityType: EntityType,
  entityId: Uuid,
  subjectId: Type.String({ description: "The author's id, a group's owner's.", format: 'uuid' }),
  actorId: Type.String({ description: 'Who decided: a person, an agent, or the author by editing.', format: 'uuid' }),
  previousStatus: ModerationStatus,
  newStatus: ModerationStatus,
  reason: Type.Optional(Type.String()),
  comment: Type.Optional(Nullable(Type.String())),
  contentRevision: Type.Integer({ minimum: 1, description: 'Which revision of the content was decided on.' }),
  createdAt: DateTime,
})
export type TransitionState = Static<typeof TransitionState>

export const transitionRecorded = defineEvent({
  type: 'moderation.transition.recorded',
  topic: 'moderation.transition',
  description:
    'Content moved to another moderation status. Subject and key are the content; the version counts its transitions.',
  data: TransitionState,
})

export const moderationEvents = [transitionRecorded, ...Object.values(erasurePartEvents('moderation'))]
