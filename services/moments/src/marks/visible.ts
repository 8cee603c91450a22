import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'

/** True for a row of `moment` that the user may see: the same rule as `findRight`, for statements of many moments. */
export const isVisibleTo = (userId: string | Expression<string>): RawBuilder<SqlBool> => sql<SqlBool>`
  exists (
    select from access
    where access.robot_id = moment.robot_id and access.user_id = ${userId} and access.revoked_at is null
      and coalesce(access.visible_from, '-infinity') <= moment.captured_at
  )`
