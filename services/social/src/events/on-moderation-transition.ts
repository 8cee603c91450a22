import { transitionRecorded } from '@platform/contracts/moderation.ts'
import { on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { Tx } from '../db/schema.ts'

/** A post or comment takes the status that moderation gave it. One that is gone meanwhile has nothing to take. */
export const onModerationTransition = on(transitionRecorded, async (trx: Tx, event) => {
  const { entityType, entityId, newStatus } = event.data
  if (entityType === 'group') return
  const content = await trx
    .selectFrom(entityType)
    .select('moderation_version')
    .where('id', '=', entityId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!content || nextVersion(content.moderation_version, event) === 'stale') return
  await trx
    .updateTable(entityType)
    .set({ moderation_status: newStatus, moderation_version: event.entityversion })
    .where('id', '=', entityId)
    .execute()
})
