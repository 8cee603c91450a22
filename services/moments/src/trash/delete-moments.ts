import { momentDeleted } from '@platform/contracts/moments.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { recordActions } from '../actions/actions.ts'
import type { MomentRow, Tx } from '../db/schema.ts'
import { changeOf } from '../moments/change-moments.ts'
import { publishMoments } from '../moments/publish-moment.ts'
import { type BatchRefusals, lockOwned } from './lock-owned.ts'

interface DeleteRefusals extends BatchRefusals {
  deleted: string
}

export const DELETE_REFUSALS: DeleteRefusals = {
  notFound: 'Moment does not exist',
  forbidden: 'You can not delete this moment',
  deleted: 'Moment has already been deleted',
}

export const BATCH_DELETE_REFUSALS: DeleteRefusals = {
  notFound: 'At least one of the moments does not exist',
  forbidden: 'You can not delete at least one of these moments',
  deleted: 'At least one of the moments has already been deleted',
}

/**
 * Moves moments of the caller's and their media to the trash: all of them, or none.
 *
 * @throws DomainError `not_found`, then `forbidden`, then `validation` when one is in the trash
 */
export async function deleteMoments(
  trx: Tx,
  caller: Caller,
  { ids, refusals }: { ids: readonly string[]; refusals: DeleteRefusals },
  cause: Cause,
): Promise<void> {
  const { userId } = caller
  const moments = await lockOwned(trx, caller, ids, refusals)
  if (moments.some(({ deleted_at }) => deleted_at !== null)) throw new DomainError('validation', refusals.deleted)
  await moveToTrash(trx, ids, userId, cause)
  await sql`
    insert into mark (user_id, moment_id, deleted_at, updated_at)
    select ${userId}::uuid, id, ${cause.at}::timestamptz, ${cause.at}::timestamptz
    from unnest(${ids}::uuid[]) as id
    on conflict (user_id, moment_id) do update
    set deleted_at = excluded.deleted_at, updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()`.execute(
    trx,
  )
  await recordActions(
    trx,
    moments.map(({ id, robot_id }) => ({ robotId: robot_id, momentId: id, userId, action: 'delete' })),
    cause,
  )
}

/**
 * Moves locked moments to the trash, and publishes that with their media.
 *
 * @param userId null: no user did it
 */
export async function moveToTrash(trx: Tx, ids: readonly string[], userId: string | null, cause: Cause): Promise<void> {
  const { rows } = await sql<MomentRow>`
    update moment set deleted_at = ${cause.at}, deleted_by = ${userId},
      transitions = transitions || pg_current_xact_id(), ${changeOf('deleted', cause.at)}
    where id = any(${ids}) and deleted_at is null
    returning *`.execute(trx)
  await publishMoments(trx, momentDeleted, rows, cause)
}
