import { groupCreated, groupDeleted, groupUpdated } from '@platform/contracts/groups.ts'
import {
  commentCreated,
  commentDeleted,
  commentEdited,
  postApproved,
  postCreated,
  postDeclined,
  postDeleted,
  postEdited,
  postReposted,
  postSuggested,
} from '@platform/contracts/social.ts'
import { causedBy } from '@platform/events/cloud-event.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { nextVersion } from '@platform/events/versions.ts'
import { isUuid } from '@platform/http/schemas.ts'
import type { ModerationTables } from '../db/schema.ts'
import { followOwner } from '../items/follow-owner.ts'
import { lockItem } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'

/** The events that have the whole state of each kind of content. */
export const GROUP_EVENTS = [groupCreated, groupUpdated, groupDeleted]
export const POST_EVENTS = [
  postCreated,
  postEdited,
  postSuggested,
  postApproved,
  postDeclined,
  postReposted,
  postDeleted,
]
export const COMMENT_EVENTS = [commentCreated, commentEdited, commentDeleted]

/** Keeps our copy of content as its owner has it. Each event carries the whole state, so they are all alike. */
export function onContentEvents<S>(
  kind: EntityKind<S>,
  types: EventType<S>[],
  clock: () => Date,
): EventHandler<ModerationTables>[] {
  return types.map((type) =>
    on<ModerationTables, S>(type, async (trx, event) => {
      const item = await lockItem(trx, kind.type, event.subject)
      if (nextVersion(item?.content_version, event) === 'stale') return
      const edit = event.actorid !== undefined && isUuid(event.actorid) ? event : undefined
      const owner = { version: event.entityversion, state: event.data }
      await followOwner(trx, kind, owner, edit, causedBy(event, clock()))
    }),
  )
}
