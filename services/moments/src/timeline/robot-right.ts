import type { Parts } from '@platform/db/prepared.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import { type Filter, type FilterValues, filterValues } from './filter.ts'

/** Decides whether a user may filter by a robot. Null without such a filter. */
export interface RobotRight {
  is_known_robot: boolean | null
  has_right: boolean | null
}

/** Returns the columns of `RobotRight`. */
export function robotRight(
  filter: Filter,
  { userId, robotId }: Pick<Parts<FilterValues>, 'userId' | 'robotId'>,
): RawBuilder<RobotRight> {
  if (filter.robotId === undefined) return sql`null::boolean as is_known_robot, null::boolean as has_right`
  return sql`
    exists (select from robot where id = ${robotId}::uuid) as is_known_robot,
    exists (
      select from access where user_id = ${userId}::uuid and robot_id = ${robotId}::uuid and revoked_at is null
    ) as has_right`
}

/** @throws DomainError `not_found` for an unknown robot; `forbidden` for one without a right */
export function requireRight({ is_known_robot, has_right }: RobotRight): void {
  if (is_known_robot === false) throw new DomainError('not_found', 'Not Found')
  if (has_right === false) throw new DomainError('forbidden', "No permission to view robot's activity")
}

/**
 * Checks that the caller has a right on the robot of a filter, if there is one.
 *
 * @throws DomainError as `requireRight` does
 */
export async function requireRobotOf(db: Db | Tx, { userId }: Pick<Caller, 'userId'>, filter: Filter): Promise<void> {
  if (filter.robotId === undefined) return
  const values = filterValues(filter, { userId, now: new Date(0) })
  const { rows } = await sql<RobotRight>`select ${robotRight(filter, values)}`.execute(db)
  for (const row of rows) requireRight(row)
}
