import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import type { LikeCount } from './model/priors.ts'
import { HOUR_BINS } from './model/types.ts'

/** Marks that a refresh reads: the newest of all users. */
const MOST_MARKS = 20_000
/** One user's marks beyond these do not count: a taste of one is no prior for all. */
const MOST_OF_USER = 200
/** The other types are counted together, so that the number of rows does not depend on what robots send. */
const MOST_TYPES = 50
const REFRESHED_EVERY = '4 minutes'

/** Returns the labels of all users by type and hour, as of the last refresh. */
export async function readPriorCounts(db: Db | Tx): Promise<LikeCount[]> {
  const rows = await db.selectFrom('smart_prior').select(['type', 'hour_bin', 'likes', 'dislikes']).execute()
  return rows.map(({ type, hour_bin, likes, dislikes }) => ({ type, hourBin: hour_bin, likes, dislikes }))
}

/**
 * Counts the newest labels of all users again, unless one of the processes has done so a moment ago. A refresh reads a
 * fixed number of marks by an index, and no request waits for it. Counting each feedback as it comes would make all
 * users' commands wait for the row of a frequent type.
 */
export async function refreshPriorCounts(db: Db, now: Date): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ is_due: boolean }>`
      select pg_try_advisory_xact_lock(hashtextextended(current_schema() || ' smart_prior', 0)) and not exists (
        select from smart_prior where refreshed_at > ${now}::timestamptz - ${REFRESHED_EVERY}::interval) as is_due`.execute(
      trx,
    )
    if (rows[0]?.is_due !== true) return
    await trx.deleteFrom('smart_prior').execute()
    await countPriors(trx, now)
  })
}

/** Counts the newest labels of all users into the table, which is empty. */
export async function countPriors(trx: Tx, now: Date): Promise<void> {
  await sql`
      with newest as materialized (
        select user_id, moment_id, updated_at, feedback = 1 and deleted_at is null as is_liked
        from mark where feedback <> 0 or deleted_at is not null
        order by updated_at desc limit ${MOST_MARKS}
      ), label as materialized (
        select moment.type, moment.local_hour * ${HOUR_BINS}::int / 24 as hour_bin, is_liked
        from (
          select *, row_number() over (partition by user_id order by updated_at desc) as number from newest
        ) as ranked
        -- Apart, so that each is found by its id, however few moments there are beside them.
      cross join lateral (select type, local_hour from moment where id = ranked.moment_id offset 0) as moment
        where number <= ${MOST_OF_USER}
      ), frequent as (
        select type from label group by type order by count(*) desc, type limit ${MOST_TYPES}
      )
      insert into smart_prior (type, hour_bin, likes, dislikes, refreshed_at)
      select coalesce(frequent.type, ''), hour_bin, count(*) filter (where is_liked), count(*) filter (where not is_liked),
        ${now}::timestamptz
      from label left join frequent on frequent.type = label.type
      group by 1, 2`.execute(trx)
}
