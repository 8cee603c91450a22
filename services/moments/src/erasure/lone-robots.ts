import { momentDeleted } from '@platform/contracts/moments.ts'
import { type Batch, WAITING } from '@platform/erasure/erase.ts'
import { type RawBuilder, sql } from 'kysely'
import type { MomentRow, Tx } from '../db/schema.ts'
import { publishMoments } from '../moments/publish-moment.ts'
import { rememberErasedRobots } from '../robots/erased-robots.ts'

/**
 * Selects the robots of a person that have no other user: they are erased with their moments and media. A revoked right
 * makes no user. Where the person's own right is revoked, too, others may get their rights back, so the robot is erased
 * only if no other person has ever had one.
 *
 * The person's right stays until the robot is gone: it is how the steps find the robot again after a crash.
 */
export const loneRobots = (userId: string): RawBuilder<unknown> => sql`
  (select own.robot_id from access own
   where own.user_id = ${userId} and not exists (
     select from access other
     where other.robot_id = own.robot_id and other.user_id <> own.user_id
       and (other.revoked_at is null or own.revoked_at is not null)))`

/**
 * Hands the moments of a person's robots to the purge, also pinned ones and those in the trash. The purge takes them at
 * once, however long the trash keeps others: it resumes each purge that was started long ago and is not finished.
 */
export async function startPurge(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const found = await sql<{ id: string }>`
    select found.id from ${loneRobots(userId)} robot cross join lateral (
      select id from moment
      where moment.robot_id = robot.robot_id and purge_started_at is null
      order by id limit ${limit}) found
    limit ${limit}`.execute(trx)
  if (found.rows.length === 0) return 0
  const ids = found.rows.map(({ id }) => id)
  const locked = await trx
    .selectFrom('moment')
    .select(['id', 'deleted_at', 'purge_started_at'])
    .where('id', 'in', ids)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  const kept = locked.filter(({ purge_started_at }) => purge_started_at === null)
  const { rows } = await sql<MomentRow>`
    update moment set
      transitions = case when deleted_at is null then transitions || pg_current_xact_id() else transitions end,
      version = version + (deleted_at is null)::integer,
      deleted_at = coalesce(deleted_at, ${cause.at}),
      deleted_by = null,
      pinned = false,
      purge_started_at = '-infinity',
      last_change = 'deleted',
      changed_xid = pg_current_xact_id(),
      updated_at = ${cause.at}
    where id = any(${kept.map(({ id }) => id)})
    returning *`.execute(trx)
  const live = new Set(kept.filter(({ deleted_at }) => deleted_at === null).map(({ id }) => id))
  const deleted = rows.filter(({ id }) => live.has(id))
  if (deleted.length > 0) await publishMoments(trx, momentDeleted, deleted, cause)
  await refuseCaptures(trx, { userId, robotIds: [...new Set(rows.map(({ robot_id }) => robot_id))], at: cause.at })
  return found.rows.length
}

/**
 * Refuses captures and uploads of robots whose purge has begun: a robot that stays online would put off the end of the
 * erasure for ever. The robots are locked first, as a grant does, and looked at again: a robot that got another user
 * meanwhile goes on.
 */
async function refuseCaptures(
  trx: Tx,
  { userId, robotIds, at }: { userId: string; robotIds: string[]; at: Date },
): Promise<void> {
  await sql`select from robot where id = any(${robotIds}::uuid[]) order by id for no key update`.execute(trx)
  const { rows } = await sql<{ robot_id: string }>`
    select robot_id from ${loneRobots(userId)} robot where robot_id = any(${robotIds}::uuid[])`.execute(trx)
  await rememberErasedRobots(
    trx,
    rows.map(({ robot_id }) => robot_id),
    at,
  )
}

/**
 * Waits while the person has a right on any robot. Other workers purge the moments of their robots and delete files that
 * were uploaded for none. A robot may also have got or lost its other user after an earlier step looked, so this comes
 * last.
 */
export async function waitForRights(trx: Tx, { userId }: Batch): Promise<0 | typeof WAITING> {
  const left = await trx.selectFrom('access').select('robot_id').where('user_id', '=', userId).executeTakeFirst()
  return left ? WAITING : 0
}

/**
 * Deletes the tombstones of the person's robots once their other moments are purged: a robot's id leads to its user, so
 * nothing keeps it.
 */
export async function eraseTombstones(trx: Tx, { userId, limit }: Batch): Promise<number> {
  const { rows } = await sql`
    with purged_robot as materialized (
      select robot_id from ${loneRobots(userId)} robot
      where not exists (
        select from moment
        where moment.robot_id = robot.robot_id and deleted_at is not null and purged_at is null)
    )
    delete from moment where id = any(array(
      select found.id from purged_robot cross join lateral (
        select id from moment
        where moment.robot_id = purged_robot.robot_id and purged_at is not null
        order by id limit ${limit}) found
      limit ${limit}))
    returning id`.execute(trx)
  return rows.length
}

/** Deletes the person's robots that have no moments and no uploads left. Every right on them goes with them. */
export async function eraseRobots(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const found = await sql<{ id: string }>`
    select id from robot where ${isLoneAndEmpty(userId)} order by id limit ${limit} for update`.execute(trx)
  if (found.rows.length === 0) return 0
  // A statement of its own: it sees a right that was granted while the lock was waited for.
  const { rows } = await sql<{ id: string }>`
    delete from robot where id = any(${found.rows.map(({ id }) => id)}) and ${isLoneAndEmpty(userId)}
    returning id`.execute(trx)
  await rememberErasedRobots(
    trx,
    rows.map(({ id }) => id),
    cause.at,
  )
  return rows.length
}

const isLoneAndEmpty = (userId: string) => sql`
  id = any(array${loneRobots(userId)})
  and not exists (select from moment where moment.robot_id = robot.id)
  and not exists (select from upload where upload.robot_id = robot.id)`
