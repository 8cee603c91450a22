import type { GroupState } from '@platform/contracts/groups.ts'
import { isRedacted, REDACTED, type RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { GroupRow } from '../db/schema.ts'
import type { Group } from './shapes.ts'

/** A group's row with what depends on who asks. */
export interface SeenGroup extends GroupRow {
  participants_ids: string[]
  is_following: boolean
  /** Kilometers. */
  distance?: number | null
}

/** A group as the caller may see it: redacted, unless they own it or moderate. */
export function toGroup(row: SeenGroup, caller: Caller, redacted: RedactedStatuses): Group {
  const moderated = isRedacted({ status: row.moderation_status, authorId: row.owner_id }, caller, redacted)
  const content = moderated ? { name: REDACTED, description: REDACTED } : contentOf(row)
  return {
    id: row.id,
    ...content,
    sportId: row.sport_id ?? undefined,
    postRules: row.post_rules,
    groupType: row.group_type,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    ownerId: row.owner_id,
    participantsCount: row.participants_count,
    participantsIds: row.participants_ids,
    isFollowing: row.is_following,
    distance: moderated ? undefined : (row.distance ?? undefined),
    moderationStatus: row.moderation_status,
    moderated,
  }
}

/** What moderation decides on: a change of any of it makes a new content revision. */
function contentOf(row: GroupRow) {
  return {
    name: row.name,
    description: row.description,
    shortName: row.short_name,
    coverId: row.cover_id ?? undefined,
    avatarId: row.avatar_id ?? undefined,
    address: row.address ?? undefined,
    location: locationOf(row),
  }
}

export type GroupContent = ReturnType<typeof contentOf>

function locationOf({ latitude, longitude }: GroupRow): { lat: number; lng: number } | undefined {
  return latitude === null || longitude === null ? undefined : { lat: latitude, lng: longitude }
}

/** True when people would read or see something else. */
export function isOtherContent(before: GroupRow, after: GroupRow): boolean {
  return JSON.stringify(contentOf(before)) !== JSON.stringify(contentOf(after))
}

/** A group as other services learn of it. */
export function toGroupState(row: GroupRow): GroupState {
  return {
    id: row.id,
    ...contentOf(row),
    sportId: row.sport_id ?? undefined,
    postRules: row.post_rules,
    groupType: row.group_type,
    ownerId: row.owner_id,
    contentRevision: row.content_revision,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString(),
  }
}
