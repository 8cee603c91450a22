import type { Parts } from '@platform/db/prepared.ts'
import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { momentColumns } from '../moments/moment-view.ts'
import { type Filter, type FilterValues, filterConditions } from './filter.ts'
import type { MomentJson } from './moment-json.ts'
import type { AnchoredView } from './position.ts'
import { type RobotRight, robotRight } from './robot-right.ts'

/** How the statement of a page is built. */
export interface PageShape {
  filter: Filter
  /** `live`: the list as it is now; `after`: what follows a moment in it; `anchored`: the list as it was. */
  mode: 'live' | 'after' | 'anchored'
}

export interface PageValues extends FilterValues {
  /** How many moments come before the page. */
  skipped: number
  /** One more than the page shows: the last one tells that more follow. */
  limit: number
  /** For mode `after`. */
  afterTime: Date | null
  afterId: string | null
  /** For modes `anchored` and `after`. */
  total: number | null
  snapshot: string | null
  robotIds: string[]
  visibleFroms: (string | null)[]
}

/** One page, and what it takes to answer for it. */
export interface PageRow extends RobotRight {
  total: number
  snapshot: string
  views: AnchoredView[]
  moments: (MomentJson & { is_shown: boolean })[]
}

/** Hides what was captured before a right begins. */
const FROM = sql`coalesce(view.visible_from, '-infinity')`
const NEWEST_FIRST = sql`order by captured_at desc, id desc`

/**
 * Returns all that a page shows, in one statement and one row: each way to the server and back counts here, and JSON is
 * read several times as fast as columns.
 *
 * The page is found in an index: the newest moments of each robot (with a range of local time: of each of its hours with
 * each robot) are merged, and only the page's own rows are read. In mode `anchored` it is found among the rows that were
 * live in the snapshot; those that are gone by now come with `is_shown` false.
 */
export function pageQuery({ filter, mode }: PageShape, parts: Parts<PageValues>): RawBuilder<PageRow> {
  const where = sql<SqlBool>`${inList(filter, mode, parts)} and ${filterConditions(filter, parts)}`
  const after =
    mode === 'after' ? sql`and (captured_at, id) < (${parts.afterTime}::timestamptz, ${parts.afterId}::uuid)` : sql``
  return sql<PageRow>`
    with view as materialized (${views(filter, mode, parts)}),
    counted as materialized (${mode === 'live' ? total(filter, parts, where) : sql`select ${parts.total}::bigint as total`}),
    found as materialized (
      select moment.id
      from counted cross join ${places(filter, parts)} cross join lateral (
        select id, captured_at from moment
        where ${where} ${after} and ${parts.skipped}::bigint < counted.total
        ${NEWEST_FIRST} limit ${parts.skipped}::bigint + ${parts.limit}::bigint
      ) as moment
      ${NEWEST_FIRST} offset ${parts.skipped}::bigint limit ${parts.limit}::bigint
    )
    select ${robotRight(filter, parts)}, counted.total, pg_current_snapshot()::text as snapshot,
      (select coalesce(json_agg(json_build_array(robot_id, visible_from)), '[]') from view) as views,
      (
        select coalesce(json_agg(shown order by captured_at desc, id desc), '[]')
        from (
          select ${momentColumns}, ${mode === 'anchored' ? isShown(parts) : sql`true`} as is_shown
          from found join moment using (id)
          left join mark on mark.user_id = ${parts.userId}::uuid and mark.moment_id = moment.id
        ) as shown
      ) as moments
    from counted`
}

function views(filter: Filter, mode: PageShape['mode'], parts: Parts<PageValues>): RawBuilder<unknown> {
  if (mode === 'anchored') {
    return sql`
      select * from unnest(${parts.robotIds}::uuid[], ${parts.visibleFroms}::timestamptz[])
        as view (robot_id, visible_from)`
  }
  return ownViews(filter, parts)
}

/** The robots that the user has a right on now, as far as a filter lets them through. */
export function ownViews(
  filter: Filter,
  { userId, robotId }: Pick<Parts<FilterValues>, 'userId' | 'robotId'>,
): RawBuilder<unknown> {
  const ofRobot = filter.robotId === undefined ? sql`` : sql`and robot_id = ${robotId}::uuid`
  return sql`
    select robot_id, visible_from from access where user_id = ${userId}::uuid and revoked_at is null ${ofRobot}`
}

/** Where moments are looked up: robots, with a range of local time each with each of its hours. */
export function places(filter: Filter, { hours }: Pick<Parts<FilterValues>, 'hours'>): RawBuilder<unknown> {
  return filter.localTime ? sql`view cross join unnest(${hours}::smallint[]) as hour (local_hour)` : sql`view`
}

/** The condition that a moment is at a place, see `places`, and visible there. */
export function atPlace(filter: Filter): RawBuilder<SqlBool> {
  const atHour = filter.localTime ? sql`and moment.local_hour = hour.local_hour` : sql``
  return sql`moment.robot_id = view.robot_id and moment.captured_at >= ${FROM} ${atHour}`
}

function inList(filter: Filter, mode: PageShape['mode'], { snapshot }: Parts<PageValues>): RawBuilder<SqlBool> {
  if (mode !== 'anchored') return sql`${atPlace(filter)} and moment.deleted_at is null`
  // Nearly every moment was created and no more: the first branch saves it a call that costs ten times as much.
  return sql`${atPlace(filter)} and case when cardinality(moment.transitions) = 1
    then pg_visible_in_snapshot(moment.transitions[1], ${snapshot}::pg_snapshot)
    else was_live(moment.transitions, ${snapshot}::pg_snapshot) end`
}

function total(filter: Filter, parts: Parts<PageValues>, where: RawBuilder<SqlBool>): RawBuilder<unknown> {
  return sql`
    select coalesce(sum(count), 0)::bigint as total
    from ${places(filter, parts)} cross join lateral (select count(*) from moment where ${where}) as counted`
}

function isShown({ userId }: Parts<PageValues>): RawBuilder<SqlBool> {
  return sql`moment.deleted_at is null and exists (
    select from access
    where access.user_id = ${userId}::uuid and access.robot_id = moment.robot_id and access.revoked_at is null
      and coalesce(access.visible_from, '-infinity') <= moment.captured_at)`
}
