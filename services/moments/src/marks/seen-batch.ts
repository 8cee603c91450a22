import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type SqlBool, sql } from 'kysely'
import { listRobotViews, type RobotView } from '../access/access.ts'
import type { Db, Tx } from '../db/schema.ts'
import { isVisibleTo } from './visible.ts'

/**
 * Marks moments as seen by the caller. Each one that the caller had not seen counts one view; ids that are unknown,
 * deleted or invisible to the caller are passed over.
 */
export async function markSeen(trx: Tx, { userId }: Caller, ids: readonly string[], at: Date): Promise<void> {
  const locked = await trx
    .selectFrom('moment')
    .select('id')
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .where(isVisibleTo(userId))
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  // A second statement sees the marks of all who held the locks before.
  await sql`
    with marked as (
      insert into mark (user_id, moment_id, seen_at, updated_at)
      select ${userId}::uuid, id, ${at}::timestamptz, ${at}::timestamptz
      from unnest(${locked.map(({ id }) => id)}::uuid[]) as id
      on conflict (user_id, moment_id) do update
      set seen_at = excluded.seen_at, updated_at = excluded.updated_at, changed_xid = pg_current_xact_id()
      where mark.seen_at is null
      returning moment_id
    )
    update moment set view_counter = view_counter + 1, has_new_counts = true
    from marked where moment.id = marked.moment_id`.execute(trx)
}

const CHUNK_SIZE = 500

/**
 * Marks as seen each moment of a robot that was captured up to `until` and that the caller may see. It takes a
 * transaction for each 500 moments: other users wait for no more than one of these. A repeat continues after a crash.
 *
 * @throws DomainError `not_found`, then `forbidden`
 */
export async function markRobotSeen(
  db: Db,
  caller: Caller,
  { robotId, until }: { robotId: string; until: Date },
  at: Date,
): Promise<void> {
  const view = await getRobotView(db, caller, robotId)
  let before: Position | undefined = { captured_at: new Date(until.getTime() + 1), id: LEAST_ID }
  while (before) {
    const unseen = await listUnseen(db, caller, view, before)
    const ids = unseen.map(({ id }) => id)
    if (ids.length > 0) await db.transaction().execute((trx) => markSeen(trx, caller, ids, at))
    before = unseen.length < CHUNK_SIZE ? undefined : unseen.at(-1)
  }
}

/** Removes the caller's own mark, which needs no right any more. The counter stays: the view did happen. */
export async function removeSeen(trx: Tx, { userId }: Caller, momentId: string, at: Date): Promise<void> {
  await trx
    .updateTable('mark')
    .set({ seen_at: null, updated_at: at, changed_xid: sql<never>`pg_current_xact_id()` })
    .where('user_id', '=', userId)
    .where('moment_id', '=', momentId)
    .where('seen_at', 'is not', null)
    .execute()
}

async function getRobotView(db: Db, caller: Caller, robotId: string): Promise<RobotView> {
  const view = (await listRobotViews(db, caller)).find((each) => each.robotId === robotId)
  if (view) return view
  const robot = await db.selectFrom('robot').select('id').where('id', '=', robotId).executeTakeFirst()
  if (!robot) throw new DomainError('not_found', 'Robot does not exist')
  throw new DomainError('forbidden', "No permission to view robot's activity")
}

/** A moment's place in the timeline. */
interface Position {
  captured_at: Date
  id: string
}

const LEAST_ID = '00000000-0000-0000-0000-000000000000'

/** Returns the next moments that the caller has not seen, newest first. */
function listUnseen(db: Db, { userId }: Caller, { robotId, visibleFrom }: RobotView, before: Position) {
  const query = db
    .selectFrom('moment')
    .select(['id', 'captured_at'])
    .where('robot_id', '=', robotId)
    .where('deleted_at', 'is', null)
    .where(sql<SqlBool>`(captured_at, id) < (${before.captured_at}, ${before.id})`)
    .where(sql<SqlBool>`
      not exists (select from mark where user_id = ${userId} and moment_id = moment.id and seen_at is not null)`)
    .orderBy('captured_at', 'desc')
    .orderBy('id', 'desc')
    .limit(CHUNK_SIZE)
  return (visibleFrom ? query.where('captured_at', '>=', visibleFrom) : query).execute()
}
