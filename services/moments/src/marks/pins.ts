import { momentChanged } from '@platform/contracts/moments.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { sql } from 'kysely'
import type { MomentRow, Tx } from '../db/schema.ts'
import { changeOf, lockMoment } from '../moments/change-moments.ts'
import type { Refusals } from '../moments/find-moment.ts'
import { publishMoments } from '../moments/publish-moment.ts'

export const PIN_REFUSALS: Refusals = {
  invalid: 'Invalid Moment UUID',
  notFound: 'Moment UUID not found',
  forbidden: 'You cannot pin this moment',
}

export const UNPIN_REFUSALS: Refusals = { ...PIN_REFUSALS, forbidden: 'You cannot unpin this moment' }

/**
 * Pins or unpins a moment of the caller's. Nothing is written or published when it is so already.
 *
 * @throws DomainError `not_found`, then `forbidden`
 */
export async function setPinned(
  trx: Tx,
  caller: Caller,
  { momentId, pinned }: { momentId: string; pinned: boolean },
  cause: Cause,
): Promise<void> {
  const refusals = pinned ? PIN_REFUSALS : UNPIN_REFUSALS
  const moment = await lockMoment(trx, caller, { id: momentId, right: 'owner' }, refusals)
  if (moment.pinned === pinned) return
  const { rows } = await sql<MomentRow>`
    update moment set pinned = ${pinned}, ${changeOf('changed', cause.at)} where id = ${momentId}
    returning *`.execute(trx)
  await publishMoments(trx, momentChanged, rows, cause)
}
