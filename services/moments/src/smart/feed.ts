import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { type Filter, filterSql, filterValues } from '../timeline/filter.ts'
import { ownViews } from '../timeline/page-query.ts'

/** One user's smart feed with one filter, at one instant. */
export interface Feed {
  userId: string
  filter: Filter
  now: Date
}

/** Only captures of so many days are candidates, beside liked ones. */
const MOST_DAYS = 30

/** Returns the filter as canonical text: filters that mean the same have one feed. */
export const feedName = (filter: Filter): string => JSON.stringify(filter)

/** The robots that the user has a right on, for `with view as materialized (…)`. */
export const feedViews = ({ userId, filter, now }: Feed): RawBuilder<unknown> =>
  ownViews(filter, filterValues(filter, { userId, now }))

/** A digest of the rights in `view`. */
export const rightsDigest: RawBuilder<string> = sql`(
  select md5(coalesce(string_agg(concat_ws(' ', robot_id, extract(epoch from visible_from)), ',' order by robot_id), ''))
  from view)`

/** True for a row of `moment` that is not deleted, is visible through the row of `view` and passes the filter. */
export const isShowable = ({ userId, filter, now }: Feed): RawBuilder<SqlBool> => sql<SqlBool>`
  moment.robot_id = view.robot_id and moment.captured_at >= coalesce(view.visible_from, '-infinity')
  and moment.deleted_at is null and ${filterSql(filter, { userId, now })}`

/** True for a row of `moment` that was captured within the days of the feed. */
export const isRecent = ({ now }: Feed): RawBuilder<SqlBool> =>
  sql<SqlBool>`moment.captured_at >= ${now}::timestamptz - ${MOST_DAYS} * interval '1 day'`
