import type { Caller } from '@platform/http/assertion.ts'
import { type SqlBool, sql } from 'kysely'
import type { Db, Right, Tx } from '../db/schema.ts'

/** A user's view of one robot. */
export interface RobotView {
  robotId: string
  right: Right
  /** Moments that were captured earlier are hidden. */
  visibleFrom: Date | null
}

/** Returns the robots that the caller has a right on now, in order of their ids. */
export async function listRobotViews(db: Db | Tx, { userId }: Caller): Promise<RobotView[]> {
  const rows = await db
    .selectFrom('access')
    .select(['robot_id', 'right', 'visible_from'])
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .orderBy('robot_id')
    .execute()
  return rows.map(({ robot_id, right, visible_from }) => ({ robotId: robot_id, right, visibleFrom: visible_from }))
}

/** A moment's place, as far as rights on it depend on it. */
interface Placed {
  robot_id: string
  captured_at: Date
}

/**
 * Returns the caller's right on a moment, or undefined when the caller may not see it: there is no right on its robot, or
 * the right begins later.
 */
export async function findRight(db: Db | Tx, caller: Caller, moment: Placed): Promise<Right | undefined> {
  const access = await db
    .selectFrom('access')
    .select('right')
    .where('robot_id', '=', moment.robot_id)
    .where('user_id', '=', caller.userId)
    .where('revoked_at', 'is', null)
    .where(sql<SqlBool>`coalesce(visible_from, '-infinity') <= ${moment.captured_at}`)
    .executeTakeFirst()
  return access?.right
}
