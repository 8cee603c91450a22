import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { listRobotViews } from '../access/access.ts'
import type { MomentRow, Tx } from '../db/schema.ts'
import { lockMoments } from '../moments/change-moments.ts'

/** The messages of a batch's refusals. */
export interface BatchRefusals {
  notFound: string
  forbidden: string
}

/**
 * Locks moments that the caller owns, in the trash or not. One whose purge has started is gone.
 *
 * @throws DomainError `not_found` when one is missing, then `forbidden` when one is not the caller's
 */
export async function lockOwned(
  trx: Tx,
  caller: Caller,
  ids: readonly string[],
  refusals: BatchRefusals,
): Promise<MomentRow[]> {
  const moments = await lockMoments(trx, ids)
  const isThere = ({ purged_at, purge_started_at }: MomentRow) => purged_at === null && purge_started_at === null
  if (moments.filter(isThere).length < ids.length) throw new DomainError('not_found', refusals.notFound)
  const owned = new Map(
    (await listRobotViews(trx, caller))
      .filter(({ right }) => right === 'owner')
      .map(({ robotId, visibleFrom }) => [robotId, visibleFrom]),
  )
  const isOwned = ({ robot_id, captured_at }: MomentRow) => {
    const visibleFrom = owned.get(robot_id)
    return visibleFrom !== undefined && (visibleFrom === null || visibleFrom <= captured_at)
  }
  if (!moments.every(isOwned)) throw new DomainError('forbidden', refusals.forbidden)
  return moments
}
