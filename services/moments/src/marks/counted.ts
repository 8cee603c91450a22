import { type Parts, prepare } from '@platform/db/prepared.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { type RawBuilder, sql } from 'kysely'
import { recordActions } from '../actions/actions.ts'
import type { Db, Tx } from '../db/schema.ts'
import { getMoment, type Refusals } from '../moments/find-moment.ts'
import { type MomentViewRow, momentColumns } from '../moments/moment-view.ts'
import { isVisibleTo } from './visible.ts'

export const SHARE_REFUSALS: Refusals = {
  invalid: 'Invalid moment UUID',
  notFound: 'Moment UUID not found',
  forbidden: 'You cannot mark this moment as shared',
}

export const SEEN_REFUSALS: Refusals = {
  invalid: 'Invalid Moment UUID',
  notFound: 'Moment UUID not found',
  forbidden: 'You cannot mark this moment as seen',
}

/**
 * Counts a view of a moment and marks it as seen by the caller. It is one statement, which commits by itself: users who
 * see the same moment wait for each other no longer than the database needs.
 *
 * @throws DomainError `not_found`, then `forbidden`
 */
export async function countView(db: Db, caller: Caller, momentId: string, at: Date): Promise<MomentViewRow> {
  const row = await countOnce(db, caller, momentId, SEEN_REFUSALS, () =>
    countViewOnce(db, { momentId, userId: caller.userId, at }),
  )
  return { ...row, seen: true }
}

/**
 * Counts a share of a moment, marks it as shared by the caller and records the action.
 *
 * @throws DomainError `not_found`, then `forbidden`
 */
export async function countShare(trx: Tx, caller: Caller, momentId: string, cause: Cause): Promise<MomentViewRow> {
  const { userId } = caller
  const row = await countOnce(trx, caller, momentId, SHARE_REFUSALS, () =>
    countShareOnce(trx, { momentId, userId, at: cause.at }),
  )
  await recordActions(trx, [{ robotId: row.robot_id, momentId, userId, action: 'share' }], cause)
  return row
}

const TRIES = 3

/** Runs a statement that counts; where it counts nothing, the refusal is found out, which most calls need not wait for. */
async function countOnce(
  db: Db | Tx,
  caller: Caller,
  id: string,
  refusals: Refusals,
  run: () => Promise<MomentViewRow[]>,
): Promise<MomentViewRow> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const [row] = await run()
    if (row) return row
    await getMoment(db, caller, { id, right: 'viewer' }, refusals)
    // It can be counted now: it was restored, or the right was renewed, in between.
  }
  throw new Error('The moment changes faster than it can be read.')
}

interface Counting {
  momentId: string
  userId: string
  at: Date
}

/**
 * Updates no indexed column but `has_new_counts`, which changes with the first count since they were last published: all
 * others are updates within the page (HOT). A mark that stays as it is is not written, nor locked. The result's `mark` is
 * as it was before.
 */
function countQuery(
  { momentId, userId, at }: Parts<Counting>,
  { count, mark, unless, repeated }: Record<'count' | 'mark' | 'unless' | 'repeated', RawBuilder<unknown>>,
) {
  return sql<MomentViewRow>`
    with moment as (
      update moment set ${count}, has_new_counts = true
      where id = ${momentId} and deleted_at is null and ${isVisibleTo(userId)}
      returning moment.*
    ), marked as (
      insert into mark (user_id, moment_id, ${mark}, updated_at)
      select ${userId}::uuid, moment.id, ${at}::timestamptz, ${at}::timestamptz from moment where ${unless}
      on conflict (user_id, moment_id) do update
      set ${repeated}, updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()
    )
    select ${momentColumns}
    from moment left join mark on mark.user_id = ${userId} and mark.moment_id = moment.id`
}

const countViewOnce = prepare('count a view', (parts: Parts<Counting>) =>
  countQuery(parts, {
    count: sql`view_counter = view_counter + 1`,
    mark: sql`seen_at`,
    unless: sql`
      not exists (
        select from mark
        where mark.user_id = ${parts.userId} and mark.moment_id = moment.id and mark.seen_at is not null
      )`,
    repeated: sql`seen_at = coalesce(mark.seen_at, excluded.seen_at)`,
  }),
)

const countShareOnce = prepare('count a share', (parts: Parts<Counting>) =>
  countQuery(parts, {
    count: sql`share_count = share_count + 1`,
    mark: sql`shared_at`,
    unless: sql`true`,
    repeated: sql`shared_at = greatest(mark.shared_at, excluded.shared_at)`,
  }),
)
