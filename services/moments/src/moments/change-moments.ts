import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type RawBuilder, sql } from 'kysely'
import { findRight } from '../access/access.ts'
import type { ChangeKind, MomentRow, Right, Tx } from '../db/schema.ts'
import type { Refusals } from './find-moment.ts'

/*
 * The order of locks, which each command keeps so that no two commands deadlock:
 *
 * 1. moments, in order of their ids: `lockMoments`, or one statement that updates one moment;
 * 2. marks of these moments;
 * 3. robots, in order of their ids: `recordActions`. Rows of the outbox come after the row that they tell about.
 *
 * A command may leave out a step, and takes nothing of an earlier one afterwards. Removing one mark takes step 2 only.
 */

/** Returns moments, deleted ones too, and locks them. Unknown ids are left out. */
export async function lockMoments(trx: Tx, ids: readonly string[]): Promise<MomentRow[]> {
  if (ids.length === 0) return []
  return trx.selectFrom('moment').selectAll().where('id', 'in', ids).orderBy('id').forNoKeyUpdate().execute()
}

/**
 * Locks a moment that is not deleted and that the caller has the right on.
 *
 * @param right the least right: an owner may do what a viewer may
 * @throws DomainError `not_found`, then `forbidden`, with the operation's messages
 */
export async function lockMoment(
  trx: Tx,
  caller: Caller,
  { id, right }: { id: string; right: Right },
  refusals: Omit<Refusals, 'invalid'>,
): Promise<MomentRow> {
  const [moment] = await lockMoments(trx, [id])
  if (!moment || moment.deleted_at) throw new DomainError('not_found', refusals.notFound)
  const found = await findRight(trx, caller, moment)
  if (!found || (right === 'owner' && found !== 'owner')) throw new DomainError('forbidden', refusals.forbidden)
  return moment
}

/**
 * Assignments of each change that is published. The event carries the counts, so none are left to publish afterwards.
 */
export const changeOf = (kind: ChangeKind, at: Date): RawBuilder<unknown> => sql`
  version = moment.version + 1, last_change = ${kind}, changed_xid = pg_current_xact_id(), has_new_counts = false,
  updated_at = ${at}`
