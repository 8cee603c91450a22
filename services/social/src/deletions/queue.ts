import type { Cause } from '@platform/events/outbox.ts'
import type { DeletionKind, Tx } from '../db/schema.ts'

/** Notes that what hangs on something deleted has to go too. The worker takes it up after the commit. */
export async function enqueueDeletion(trx: Tx, kind: DeletionKind, targetId: string, cause: Cause): Promise<void> {
  await enqueueDeletions(trx, kind, [targetId], cause)
}

/** The same for several things of one kind. */
export async function enqueueDeletions(trx: Tx, kind: DeletionKind, targetIds: string[], cause: Cause): Promise<void> {
  if (targetIds.length === 0) return
  const { at, traceparent = null, actorId = null } = cause
  await trx
    .insertInto('deletion')
    .values(targetIds.map((target_id) => ({ kind, target_id, deleted_at: at, traceparent, actor_id: actorId })))
    .onConflict((oc) => oc.doNothing())
    .execute()
}
