import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { AccessRow, Db, Right, RobotRow, Tx } from '../db/schema.ts'
import { normalizeTimeZone } from '../time/wall-clock.ts'
import type { Robot, RobotPatch } from './shapes.ts'

type OwnRobotRow = Pick<RobotRow, 'id' | 'name' | 'time_zone' | 'retention_days' | 'max_moments'> &
  Pick<AccessRow, 'right' | 'visible_from'>

export const robotNotFound = () => new DomainError('not_found', 'Robot does not exist')

/** Selects the robots that a user has a right on, with that right. */
function ownRobotsQuery(db: Db | Tx, userId: string) {
  return db
    .selectFrom('access')
    .innerJoin('robot', 'robot.id', 'access.robot_id')
    .select([
      'robot.id',
      'robot.name',
      'robot.time_zone',
      'robot.retention_days',
      'robot.max_moments',
      'access.right',
      'access.visible_from',
    ])
    .where('access.user_id', '=', userId)
    .where('access.revoked_at', 'is', null)
}

function toRobot(row: OwnRobotRow): Robot {
  return {
    uuid: row.id,
    name: row.name ?? undefined,
    timeZone: row.time_zone,
    right: row.right,
    visibleFrom: row.visible_from?.toISOString(),
    retentionDays: row.retention_days ?? undefined,
    maxMoments: row.max_moments ?? undefined,
  }
}

/** Returns the caller's robots in order of their ids. */
export async function listRobots(db: Db | Tx, { userId }: Caller): Promise<Robot[]> {
  const rows = await ownRobotsQuery(db, userId).orderBy('robot.id').execute()
  return rows.map(toRobot)
}

/** A robot, and the least right on it that a caller needs; `none` asks only whether it exists. */
export interface RobotNeed {
  id: string
  right: Right | 'none'
}

/**
 * Checks that a robot exists and that the caller has the right on it.
 *
 * @returns the robot as the caller sees it; undefined for a caller without a right who needs none
 * @throws DomainError `not_found`, then `forbidden` with the operation's message
 */
export async function getRobot(
  db: Db | Tx,
  { userId }: Caller,
  { id, right }: RobotNeed,
  forbidden: string,
): Promise<Robot | undefined> {
  const own = await ownRobotsQuery(db, userId).where('robot.id', '=', id).executeTakeFirst()
  if (own && (right !== 'owner' || own.right === 'owner')) return toRobot(own)
  const robot = await db.selectFrom('robot').select('id').where('id', '=', id).executeTakeFirst()
  if (!robot) throw robotNotFound()
  if (right !== 'none') throw new DomainError('forbidden', forbidden)
  return undefined
}

/**
 * Changes a robot. A new time zone applies to captures from now on: those before keep the wall clock that they had.
 *
 * @throws DomainError `validation` for an unknown time zone
 */
export async function changeRobot(trx: Tx, robotId: string, patch: RobotPatch, now: Date): Promise<void> {
  const timeZone = patch.timeZone === undefined ? undefined : readTimeZone(patch.timeZone)
  await trx
    .updateTable('robot')
    .set({
      ...(patch.name !== undefined && { name: patch.name }),
      ...(timeZone !== undefined && { time_zone: timeZone }),
      ...(patch.retentionDays !== undefined && { retention_days: patch.retentionDays }),
      ...(patch.maxMoments !== undefined && { max_moments: patch.maxMoments }),
      updated_at: now,
    })
    .where('id', '=', robotId)
    .execute()
}

function readTimeZone(text: string): string {
  const timeZone = normalizeTimeZone(text)
  if (timeZone === undefined) {
    throw new DomainError('validation', 'body.timeZone must be the IANA name of a time zone, such as Europe/Oslo')
  }
  return timeZone
}
