import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

export interface Lateness {
  p50Ms: number
  p99Ms: number
}

const ROUND = 'late'
/** From now until the first one is due: longer than engines look ahead. */
const AHEAD_SECONDS = 4

/**
 * How late jobs are sent that are due one after the other, evenly.
 *
 * @throws Error when they are not all done long after the last one was due
 */
export async function latenessOf(
  client: pg.Client,
  targetUrl: string,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Lateness> {
  const count = perSecond * seconds
  // Each time under names of its own: attempts of an earlier measurement are still there.
  const prefix = `${ROUND}${randomUUID().slice(0, 8)}-`
  await client.query(
    `with account as (select account_id from scheduler.account_setting limit 1), job as (
       insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, status, created_at, updated_at)
       select $1 || n, account_id, $2, 'POST',
         date_trunc('milliseconds', now() + make_interval(secs => $3 + n / $4::float8)), 0, 'scheduled', now(), now()
       from generate_series(0, $5::int - 1) n, account returning *
     )
     insert into scheduler.queue (job_id, account_id, host, due_at, next_at)
     select id, account_id, $6, at, at from job`,
    [prefix, `${targetUrl}/late`, AHEAD_SECONDS, perSecond, count, new URL(targetUrl).host],
  )
  await sleep((AHEAD_SECONDS + seconds + 2) * 1_000)
  const { rows } = await client.query<{ count: number; p50: number; p99: number }>(
    `select count(*)::int as count, percentile_cont(0.5) within group (order by late_ms) as p50,
       percentile_cont(0.99) within group (order by late_ms) as p99
     from (
       select extract(epoch from sent_at - due_at)::float8 * 1000 as late_ms from scheduler.attempt
       where starts_with(job_id, $1)
     ) sent`,
    [prefix],
  )
  const [found] = rows
  if (found?.count !== count) throw new Error(`Of ${count} jobs ${found?.count} were sent in their time.`)
  return { p50Ms: Number(found.p50.toFixed(1)), p99Ms: Number(found.p99.toFixed(1)) }
}
