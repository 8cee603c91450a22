import { type Parts, prepareRead } from '@platform/db/prepared.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import type { Filter } from '../timeline/filter.ts'
import { type RobotRight, robotRight } from '../timeline/robot-right.ts'
import { type Feed, type FeedSql, type FeedValues, feedSql, feedValues, isUnfiltered, rightsDigest } from './feed.ts'
import { labelState } from './labels.ts'
import type { Why } from './model/types.ts'

/** A snapshot, and what decides whether the user may filter by a robot. Without a snapshot its columns are null. */
export interface SnapshotRow extends RobotRight {
  id: string | null
  moment_ids: string[] | null
  reasons: Why[] | null
  similar_counts: number[] | null
}

export const KEPT_HOURS = 24
const OUTDATED_MINUTES = 15
const OUTDATED_ARRIVALS = 3
/** Changed moments of a robot that are looked at for arrivals, the newest ones. */
const MOST_CHANGES = 1_000

/** Returns the newest snapshot unless it is outdated. */
export async function findFreshRow(db: Db | Tx, feed: Feed): Promise<SnapshotRow | undefined> {
  const values = feedValues(feed)
  const rows = isUnfiltered(feed.filter)
    ? await preparedFresh(db, values)
    : (await freshQuery(feed.filter, values).execute(db)).rows
  return rows[0]
}

const preparedFresh = prepareRead<FeedValues, SnapshotRow>('fresh smart feed', (parts) =>
  freshQuery({ expired: false }, parts),
)

/** The snapshots of a feed that may be read, newest first. */
export const keptSnapshots = ({ userId, name, now }: Parts<FeedValues>): RawBuilder<unknown> => sql`
  select id, number, created_at, moments_at, label_state, rights, moment_ids, reasons, similar_counts
  from smart_snapshot
  where user_id = ${userId}::uuid and filter = ${name}
    and created_at > ${now}::timestamptz - ${sql.lit(KEPT_HOURS)} * interval '1 hour'
  order by number desc`

/**
 * Selects the newest snapshot unless it is outdated: by its age, by labels or rights that have changed since, or by three
 * new moments. An empty one is outdated by a single moment.
 */
export function freshQuery(filter: Filter, parts: Parts<FeedValues>): RawBuilder<SnapshotRow> {
  const feed = feedSql(filter, parts)
  return sql<SnapshotRow>`
    with view as materialized (${feed.views}),
    newest as materialized (${keptSnapshots(parts)} limit 1)
    select ${robotRight(filter, parts)}, fresh.id, fresh.moment_ids, fresh.reasons, fresh.similar_counts
    from (values (1)) as always left join lateral (
      select id, moment_ids, reasons, similar_counts from newest
      where created_at > ${parts.now}::timestamptz - ${sql.lit(OUTDATED_MINUTES)} * interval '1 minute'
        and label_state = ${labelState(parts.userId)}
        and rights = ${rightsDigest}
        and (${countArrivals(feed)}) < case when cardinality(moment_ids) = 0 then 1 else ${sql.lit(OUTDATED_ARRIVALS)} end
    ) as fresh on true`
}

/** Counts moments that were created or restored since the snapshot `newest` was built. */
const countArrivals = ({ isShowable, isRecent }: FeedSql): RawBuilder<unknown> => sql`
  select count(*) from (
    select from view cross join lateral (
      select moment.* from moment
      where moment.robot_id = view.robot_id and moment.changed_xid >= pg_snapshot_xmin(newest.moments_at)
      order by moment.changed_xid desc, moment.id desc limit ${sql.lit(MOST_CHANGES)}
    ) as moment
    where ${isShowable} and ${isRecent} and not was_live(moment.transitions, newest.moments_at)
    limit ${sql.lit(OUTDATED_ARRIVALS)}
  ) as arrival`
