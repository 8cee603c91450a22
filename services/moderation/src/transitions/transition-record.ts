import { TransitionState } from '@platform/contracts/moderation.ts'
import { PageOf } from '@platform/http/paging.ts'
import { type Static, Type } from 'typebox'
import type { TransitionRow } from '../db/schema.ts'

/** An entry of the audit trail: what is published of a transition is what is answered. */
export const TransitionRecord = Type.Object(TransitionState.properties, { title: 'ModerationTransition' })
export type TransitionRecord = Static<typeof TransitionRecord>

export const TransitionPage = PageOf(TransitionRecord, 'ModerationTransitionPage')

export function toRecord(row: TransitionRow): TransitionRecord {
  return {
    id: row.id,
    entityType: row.entity_type,
    entityId: row.entity_id,
    subjectId: row.subject_id,
    actorId: row.actor_id,
    previousStatus: row.previous_status,
    newStatus: row.new_status,
    reason: row.reason ?? undefined,
    comment: row.comment,
    contentRevision: row.content_revision,
    createdAt: row.created_at.toISOString(),
  }
}
