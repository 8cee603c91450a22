import { transitionRecorded } from '@platform/contracts/moderation.ts'
import { on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { Tx } from '../db/schema.ts'

/** A group takes the status that moderation gave it. One that is gone meanwhile has nothing to take. */
export const onModerationTransition = on(transitionRecorded, async (trx: Tx, event) => {
  const { entityType, entityId, newStatus } = event.data
  if (entityType !== 'group') return
  const group = await trx
    .selectFrom('group')
    .select('moderation_version')
    .where('id', '=', entityId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!group || nextVersion(group.moderation_version, event) === 'stale') return
  await trx
    .updateTable('group')
    .set({ moderation_status: newStatus, moderation_version: event.entityversion })
    .where('id', '=', entityId)
    .execute()
})
