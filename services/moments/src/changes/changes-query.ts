import { type Parts, prepare } from '@platform/db/prepared.ts'
import { type RawBuilder, sql } from 'kysely'
import type { ChangeKind } from '../db/schema.ts'
import { momentColumns } from '../moments/moment-view.ts'
import type { MomentJson } from '../timeline/moment-json.ts'
import { boundsAfter, type Place, RANK, START } from './place.ts'

/** One entry, with what it is about. */
export interface ChangeRow {
  xid: string
  rank: number
  own_xid: string
  id: string
  robot_id: string
  /** For an access. */
  is_revoked: boolean
  visible_from: Date | null
  /** For a moment. */
  change: ChangeKind
  moment: MomentJson | null
}

const VISIBLE = sql`moment.captured_at >= coalesce(view.visible_from, '-infinity')`
const NO_XID = sql`'0'::xid8`
const LEAST_UUID = sql`${START.id}::uuid`

/** The values of the statement; transactions as texts. */
export interface ChangesValues {
  userId: string
  limit: number
  xid: string
  accessXid: string
  accessId: string
  freshXid: string
  freshId: string
  grantedXid: string
  grantedId: string
  markXid: string
  markId: string
}

/** Returns the values for the entries that follow a place. */
export function changesValues(userId: string, place: Place, limit: number): ChangesValues {
  const { access, fresh, granted, mark } = boundsAfter(place)
  return {
    userId,
    limit,
    xid: String(place.xid),
    accessXid: String(access.xid),
    accessId: access.id,
    freshXid: String(fresh.xid),
    freshId: fresh.id,
    grantedXid: String(granted.xid),
    grantedId: granted.id,
    markXid: String(mark.xid),
    markId: mark.id,
  }
}

/**
 * Returns the entries that follow a place, at most `limit`.
 *
 * Only transactions older than `horizon` are listed: all of these have ended, so that none can commit later and insert an
 * entry before one that was read. A transaction that stays open for long delays the list, and loses nothing of it.
 */
export function changesQuery(parts: Parts<ChangesValues>): RawBuilder<ChangeRow> {
  const { userId, limit, xid } = parts
  const atPlace = sql`view.changed_xid = ${xid}::xid8`
  const first = sql`order by 1, 2, 3, 4 limit ${limit}::integer`
  const byIndex = sql`order by changed_xid, id limit ${limit}::integer`
  // As an anti-join it would read all of a robot's moments, to list fifty.
  const isNewest = sql`${VISIBLE} and greatest(moment.changed_xid, view.changed_xid) >= coalesce(
    (select mark.changed_xid from mark where user_id = ${userId}::uuid and moment_id = moment.id), ${NO_XID})`
  return sql<ChangeRow>`
    with now as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as horizon),
    view as materialized (
      select robot_id, visible_from, changed_xid from now cross join access
      where user_id = ${userId}::uuid and revoked_at is null and changed_xid < horizon
    ),
    entry as (
      (
        select changed_xid as xid, ${RANK.access}::integer as rank, ${NO_XID} as own_xid, robot_id as id
        from now cross join access
        where user_id = ${userId}::uuid and changed_xid < horizon
          and (changed_xid, robot_id) > (${parts.accessXid}::xid8, ${parts.accessId}::uuid)
        ${first}
      )
      union all
      select own_xid, ${RANK.moment}::integer, own_xid, id
      from now cross join view cross join lateral (
        select moment.changed_xid, id from moment
        where robot_id = view.robot_id and (moment.changed_xid, id) > (${parts.freshXid}::xid8, ${parts.freshId}::uuid)
          and moment.changed_xid > view.changed_xid and moment.changed_xid < horizon and ${isNewest}
        ${byIndex}
      ) as fresh (own_xid, id)
      union all
      select view.changed_xid, ${RANK.moment}::integer, own_xid, id
      from view cross join lateral (
        select moment.changed_xid, id from moment
        where robot_id = view.robot_id and moment.changed_xid <= view.changed_xid
          and (moment.changed_xid, id) > (
            case when ${atPlace} then ${parts.grantedXid}::xid8 else ${NO_XID} end,
            case when ${atPlace} then ${parts.grantedId}::uuid else ${LEAST_UUID} end)
          and ${isNewest}
        ${byIndex}
      ) as granted (own_xid, id)
      where view.changed_xid >= ${xid}::xid8
      union all
      (
        select marked.changed_xid, ${RANK.mark}::integer, ${NO_XID}, moment_id
        from (
          select mark.changed_xid, moment_id from now cross join mark
          where user_id = ${userId}::uuid and mark.changed_xid < horizon
            and (mark.changed_xid, moment_id) > (${parts.markXid}::xid8, ${parts.markId}::uuid)
          order by mark.changed_xid, moment_id offset 0
        ) as marked cross join lateral (
          select from moment join view using (robot_id)
          where moment.id = moment_id and marked.changed_xid > greatest(moment.changed_xid, view.changed_xid)
            and ${VISIBLE}
          offset 0
        ) as marked_moment
        order by marked.changed_xid, moment_id limit ${limit}::integer
      )
    )
    select listed.xid::text, listed.rank, listed.own_xid::text, listed.id,
      coalesce(moment.robot_id, listed.id) as robot_id, access.revoked_at is not null as is_revoked, access.visible_from,
      case
        when moment.purged_at is not null then 'purged'
        when moment.deleted_at is not null then 'deleted'
        when listed.rank = ${RANK.mark}::integer then 'changed'
        else moment.last_change
      end as change,
      (
        select to_json(shown) from (
          select ${momentColumns} from (select) as one
          left join mark on mark.user_id = ${userId}::uuid and mark.moment_id = moment.id
        ) as shown
        where moment.deleted_at is null and moment.purged_at is null and moment.id is not null
      ) as moment
    from (select * from entry ${first}) as listed
    left join moment on listed.rank <> ${RANK.access}::integer and moment.id = listed.id
    left join access on listed.rank = ${RANK.access}::integer and access.robot_id = listed.id
      and access.user_id = ${userId}::uuid
    order by listed.xid, listed.rank, listed.own_xid, listed.id`
}

/** Reads entries. Planning takes longer than reading, and clients poll. */
export const runChanges = prepare<ChangesValues, ChangeRow>('changes', changesQuery)
