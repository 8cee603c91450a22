import { momentRestored } from '@platform/contracts/moments.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { recordActions } from '../actions/actions.ts'
import type { MomentRow, Tx } from '../db/schema.ts'
import { changeOf } from '../moments/change-moments.ts'
import { publishMoments } from '../moments/publish-moment.ts'
import { lockOwned } from './lock-owned.ts'

const REFUSALS = {
  notFound: 'At least one of the moments does not exist',
  forbidden: 'You can not restore at least one of these moments',
}

/**
 * Takes moments of the caller's out of the trash, as they were: all of them, or none.
 *
 * @throws DomainError `not_found` when one is unknown or its purge has started, then `forbidden`, then `conflict` when
 *   one is not in the trash
 */
export async function restoreMoments(trx: Tx, caller: Caller, ids: readonly string[], cause: Cause): Promise<void> {
  const { userId } = caller
  const moments = await lockOwned(trx, caller, ids, REFUSALS)
  if (moments.some(({ deleted_at }) => deleted_at === null)) {
    throw new DomainError('conflict', 'At least one of the moments is not in the trash')
  }
  const { rows } = await sql<MomentRow>`
    update moment set deleted_at = null, deleted_by = null,
      transitions = transitions || pg_current_xact_id(), ${changeOf('restored', cause.at)}
    where id = any(${ids})
    returning *`.execute(trx)
  await publishMoments(trx, momentRestored, rows, cause)
  // Also the mark of another owner, whose delete is undone.
  await trx
    .updateTable('mark')
    .set({ deleted_at: null, updated_at: cause.at, changed_xid: sql<never>`pg_current_xact_id()` })
    .where('moment_id', 'in', ids)
    .where('deleted_at', 'is not', null)
    .execute()
  await recordActions(
    trx,
    moments.map(({ id, robot_id }) => ({ robotId: robot_id, momentId: id, userId, action: 'restore' })),
    cause,
  )
}
