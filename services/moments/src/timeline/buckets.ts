import type { Caller } from '@platform/http/assertion.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import { type Filter, filterConditions, filterValues } from './filter.ts'
import { atPlace, ownViews, places } from './page-query.ts'
import { requireRobotOf } from './robot-right.ts'
import type { Bucket, BucketSize } from './shapes.ts'

const FORMATS: Record<BucketSize, string> = { day: 'YYYY-MM-DD', month: 'YYYY-MM', hour: 'YYYY-MM-DD"T"HH24' }

/**
 * Counts the moments of a filtered timeline by local wall clock, newest first. An hour that occurs twice, when clocks go
 * back, is one bucket.
 *
 * @throws DomainError `not_found` for an unknown robot; `forbidden` for one without a right
 */
export async function countBuckets(
  db: Db | Tx,
  caller: Pick<Caller, 'userId'>,
  { filter, by }: { filter: Filter; by: BucketSize },
  now: Date,
): Promise<Bucket[]> {
  await requireRobotOf(db, caller, filter)
  return (await bucketsQuery(filter, by, { userId: caller.userId, now }).execute(db)).rows
}

/** The moments are found in the index alone; `offset 0` keeps that apart from the marks, which are few or many. */
function bucketsQuery(filter: Filter, by: BucketSize, who: { userId: string; now: Date }): RawBuilder<Bucket> {
  const values = filterValues(filter, who)
  return sql<Bucket>`
    with view as materialized (${ownViews(filter, values)})
    select to_char(start, ${FORMATS[by]}) as bucket, total, unseen, liked
    from (
      select date_trunc(${by}, moment.local_at) as start, count(*)::integer as total,
        (count(*) filter (where mark.seen_at is null))::integer as unseen,
        (count(*) filter (where mark.feedback = 1))::integer as liked
      from ${places(filter, values)} cross join lateral (
        select id, local_at from moment
        where ${atPlace(filter)} and moment.deleted_at is null and ${filterConditions(filter, values)}
        offset 0
      ) as moment
      left join mark on mark.user_id = ${who.userId}::uuid and mark.moment_id = moment.id
      group by 1
    ) as counted
    order by start desc`
}
