import type { Parts } from '@platform/db/prepared.ts'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { type Filter, type FilterValues, filterConditions, filterValues } from '../timeline/filter.ts'
import { ownViews } from '../timeline/page-query.ts'

/** One user's smart feed with one filter, at one instant. */
export interface Feed {
  userId: string
  filter: Filter
  now: Date
}

/** The values that the statements of a feed take. */
export interface FeedValues extends FilterValues {
  /** The filter as canonical text: filters that mean the same have one feed. */
  name: string
}

export const feedName = (filter: Filter): string => JSON.stringify(filter)

export const feedValues = ({ userId, filter, now }: Feed): FeedValues => ({
  ...filterValues(filter, { userId, now }),
  name: feedName(filter),
})

/** Only captures of so many days are candidates, beside liked ones. */
const MOST_DAYS = 30

/** Parts of the statements of a feed. All but `views` need a row of it as `view`, and a row of `moment`. */
export interface FeedSql {
  /** The robots that the user has a right on, for `with view as materialized (…)`. */
  views: RawBuilder<unknown>
  /** The moment is not deleted, is visible through the right, and passes the filter. */
  isShowable: RawBuilder<SqlBool>
  /** The moment was captured within the days of the feed. */
  isRecent: RawBuilder<SqlBool>
}

/** @param parts values, or what stands for them in a prepared statement */
export function feedSql(filter: Filter, parts: Parts<FeedValues>): FeedSql {
  return {
    views: ownViews(filter, parts),
    isShowable: sql<SqlBool>`
      moment.robot_id = view.robot_id and moment.captured_at >= coalesce(view.visible_from, '-infinity')
      and moment.deleted_at is null and ${filterConditions(filter, parts)}`,
    isRecent: sql<SqlBool>`
      moment.captured_at >= ${parts.now}::timestamptz - ${sql.lit(MOST_DAYS)} * interval '1 day'`,
  }
}

/** A digest of the rights in `view`. */
export const rightsDigest: RawBuilder<string> = sql`(
  select md5(coalesce(string_agg(concat_ws(' ', robot_id, extract(epoch from visible_from)), ',' order by robot_id), ''))
  from view)`

/**
 * True for the feed that is read most, whose statements are prepared. The server keeps a plan on every connection, so
 * there must not be one for each combination of filters.
 */
export const isUnfiltered = ({ expired, ...others }: Filter): boolean =>
  !expired && Object.values(others).every((value) => value === undefined)
