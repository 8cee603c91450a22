import { sql } from 'kysely'
import type { Db } from '../src/db/schema.ts'

const AT_ONCE = 20

/**
 * Runs all works, twenty at once: more would wait for a connection of the service for so long on a slow machine that it
 * answers 503.
 */
export async function runAtOnce(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = works.values()
  const run = async () => {
    for (const work of waiting) await work()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}

/** Moments for which a mark or a count does not fit the recorded actions. */
export async function findDrift(db: Db, robotId: string) {
  const { rows } = await sql<{ id: string; what: string }>`
    with shared as (select moment_id, count(*) as n from moment_action where action = 'share' group by moment_id),
    opinion as (
      select distinct on (moment_id, user_id) moment_id, user_id,
        case action when 'like' then 1 when 'dislike' then -1 else 0 end as feedback
      from moment_action where action in ('like', 'dislike', 'unlike')
      order by moment_id, user_id, at desc
    )
    select moment.id, 'share_count' as what
    from moment left join shared on shared.moment_id = moment.id
    where robot_id = ${robotId} and share_count <> coalesce(shared.n, 0)
    union all
    select moment.id, 'feedback'
    from moment
      join mark on mark.moment_id = moment.id
      left join opinion on opinion.moment_id = moment.id and opinion.user_id = mark.user_id
    where robot_id = ${robotId} and mark.feedback <> coalesce(opinion.feedback, 0)
    union all
    select moment.id, 'transitions'
    from moment
    where robot_id = ${robotId} and (cardinality(transitions) % 2 = 1) <> (deleted_at is null)
    union all
    select moment.id, 'deletes'
    from moment
    where robot_id = ${robotId} and cardinality(transitions) - 1 <> (
      select count(*) from moment_action where moment_id = moment.id and action in ('delete', 'restore'))`.execute(db)
  return rows
}
