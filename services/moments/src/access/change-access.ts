import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { Right, Tx } from '../db/schema.ts'
import { forgetErasure } from '../robots/erased-robots.ts'

/** Places a user's right on a robot. */
export interface AccessKey {
  robotId: string
  userId: string
}

/** The right that a user gets on a robot. */
export interface Grant extends AccessKey {
  right: Right
  visibleFrom: Date | null
}

/**
 * Locks a robot. Each change of rights takes this lock first: two owners who are removed at once would otherwise not see
 * that the other one is leaving, too.
 *
 * @returns false when the robot is unknown
 */
export async function lockRobot(trx: Tx, robotId: string): Promise<boolean> {
  const robot = await trx.selectFrom('robot').select('id').where('id', '=', robotId).forNoKeyUpdate().executeTakeFirst()
  return robot !== undefined
}

/** Locks a robot, which becomes known by that if it was not. Its time zone is UTC until its owner sets it. */
export async function lockOrCreateRobot(trx: Tx, robotId: string, now: Date): Promise<void> {
  // An update that changes nothing: it locks the row in the same statement, so no erasure can delete it in between.
  await trx
    .insertInto('robot')
    .values({ id: robotId, created_at: now, updated_at: now })
    .onConflict((oc) => oc.column('id').doUpdateSet((eb) => ({ updated_at: eb.ref('robot.updated_at') })))
    .execute()
  await forgetErasure(trx, robotId)
}

/**
 * Grants a right, or changes it. A right that stays as it is keeps its row untouched, and one that changes keeps its
 * time: the oldest viewer is the one who has had any right for longest. Lock the robot first.
 */
export async function grantAccess(trx: Tx, { robotId, userId, right, visibleFrom }: Grant, now: Date): Promise<void> {
  await sql`
    insert into access (robot_id, user_id, "right", visible_from, granted_at)
    values (${robotId}, ${userId}, ${right}, ${visibleFrom}, ${now})
    on conflict (robot_id, user_id) do update set
      "right" = excluded."right",
      visible_from = excluded.visible_from,
      granted_at = case when access.revoked_at is null then access.granted_at else excluded.granted_at end,
      revoked_at = null,
      changed_xid = pg_current_xact_id()
    where access.revoked_at is not null
      or (access."right", access.visible_from) is distinct from (excluded."right", excluded.visible_from)`.execute(trx)
}

/** Revokes a right. Nothing is deleted: a renewed right shows everything again. Lock the robot first. */
export async function revokeAccess(trx: Tx, { robotId, userId }: AccessKey, now: Date): Promise<void> {
  await sql`
    update access set revoked_at = ${now}, changed_xid = pg_current_xact_id()
    where robot_id = ${robotId} and user_id = ${userId} and revoked_at is null`.execute(trx)
}

/**
 * Checks that a robot has an owner beside this user, unless the user is none. Lock the robot first.
 *
 * @throws DomainError `conflict` with the message
 */
export async function requireAnotherOwner(trx: Tx, { robotId, userId }: AccessKey, message: string): Promise<void> {
  const owners = await trx
    .selectFrom('access')
    .select('user_id')
    .where('robot_id', '=', robotId)
    .where('right', '=', 'owner')
    .where('revoked_at', 'is', null)
    .execute()
  const isOwner = owners.some(({ user_id }) => user_id === userId)
  if (isOwner && owners.length === 1) throw new DomainError('conflict', message)
}
