import { type GroupState, groupCreated, groupDeleted, groupUpdated } from '@platform/contracts/groups.ts'
import { causedBy } from '@platform/events/cloud-event.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import { isUuid } from '@platform/http/schemas.ts'
import type { ModerationTables } from '../db/schema.ts'
import { followOwner } from '../items/follow-owner.ts'
import { lockItem } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'

/** Keeps our copy of a group as the groups service has it. Each event carries the whole state, so they are all alike. */
export function onGroupEvents(kind: EntityKind, clock: () => Date): EventHandler<ModerationTables>[] {
  return [groupCreated, groupUpdated, groupDeleted].map((type) =>
    on<ModerationTables, GroupState>(type, async (trx, event) => {
      const item = await lockItem(trx, kind.type, event.subject)
      if (nextVersion(item?.content_version, event) === 'stale') return
      const editorId = event.actorid !== undefined && isUuid(event.actorid) ? event.actorid : undefined
      const owner = { version: event.entityversion, state: event.data }
      await followOwner(trx, kind, owner, editorId, causedBy(event, clock()))
    }),
  )
}
