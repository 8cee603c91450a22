import { type GroupState, groupCreated, groupDeleted, groupUpdated } from '@platform/contracts/groups.ts'
import { actorOf } from '@platform/erasure/erased.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { SocialTables, Tx } from '../db/schema.ts'
import { enqueueDeletion } from '../deletions/queue.ts'
import { copyGroup } from '../membership/copy.ts'

/** Keeps our copy of groups. What hangs on a deleted group goes in steps, afterwards. */
export const onGroupEvents: EventHandler<SocialTables>[] = [
  ...[groupCreated, groupUpdated].map((type) =>
    on<SocialTables, GroupState>(type, async (trx, event) => {
      if (nextVersion(await lockVersion(trx, event.data.id), event) === 'stale') return
      await copyGroup(trx, event.entityversion, event.data)
    }),
  ),
  on(groupDeleted, async (trx: Tx, event) => {
    const actorId = await actorOf(trx, event)
    if (nextVersion(await lockVersion(trx, event.data.id), event) === 'apply') {
      await copyGroup(trx, event.entityversion, event.data)
    }
    const at = new Date(event.data.deletedAt ?? event.time)
    await enqueueDeletion(trx, 'group', event.data.id, { at, traceparent: event.traceparent, actorId })
  }),
]

async function lockVersion(trx: Tx, groupId: string): Promise<number | undefined> {
  const group = await trx
    .selectFrom('group')
    .select('version')
    .where('id', '=', groupId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return group?.version
}
