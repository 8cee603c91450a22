import type { ParticipantState } from '@platform/contracts/groups.ts'
import type { ParticipantRow } from '../db/schema.ts'

/** A participant's place as other services learn of it. */
export function toParticipantState(row: ParticipantRow): ParticipantState {
  return {
    groupId: row.group_id,
    userId: row.user_id,
    isAdmin: row.is_admin,
    isMuted: row.is_muted,
    joinedAt: row.joined_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString(),
  }
}

/** The id of a place: a person in a group. */
export function participantSubject({ group_id, user_id }: ParticipantRow): string {
  return `${group_id}/${user_id}`
}
