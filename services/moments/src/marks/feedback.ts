import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { recordActions } from '../actions/actions.ts'
import type { Tx } from '../db/schema.ts'
import { lockMoment } from '../moments/change-moments.ts'
import type { Refusals } from '../moments/find-moment.ts'
import { isExpired } from '../moments/moment-view.ts'

/** Like, none, dislike. */
export const FEEDBACKS = [1, 0, -1] as const
export type Feedback = (typeof FEEDBACKS)[number]

export const FEEDBACK_REFUSALS: Refusals = {
  invalid: 'Invalid Moment UUID',
  notFound: 'Moment UUID not found',
  forbidden: 'You cannot provide feedback on this moment',
}

/**
 * Sets the caller's feedback on a moment; 0 removes it. The same value again changes nothing and records no action.
 *
 * @throws DomainError `not_found`, `forbidden`, then `validation` when the moment has expired
 */
export async function giveFeedback(
  trx: Tx,
  caller: Caller,
  { momentId, feedback }: { momentId: string; feedback: Feedback },
  cause: Cause,
): Promise<void> {
  const { userId } = caller
  // The lock makes concurrent feedback wait, so that the value that is replaced is the one that was recorded before.
  const moment = await lockMoment(trx, caller, { id: momentId, right: 'viewer' }, FEEDBACK_REFUSALS)
  if (isExpired(moment, cause.at)) throw new DomainError('validation', 'Moment is already expired')
  const mark = await trx
    .selectFrom('mark')
    .select('feedback')
    .where('user_id', '=', userId)
    .where('moment_id', '=', momentId)
    .executeTakeFirst()
  if ((mark?.feedback ?? 0) === feedback) return
  await sql`
    insert into mark (user_id, moment_id, feedback, updated_at)
    values (${userId}, ${momentId}, ${feedback}, ${cause.at})
    on conflict (user_id, moment_id) do update
    set feedback = excluded.feedback, updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()`.execute(trx)
  await recordActions(trx, [{ robotId: moment.robot_id, momentId, userId, action: toAction(feedback) }], cause)
}

const toAction = (feedback: Feedback) => (feedback === 1 ? 'like' : feedback === -1 ? 'dislike' : 'unlike')
