import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { StoredHeaders } from '../secrets/job-secrets.ts'
import { DEFAULT_ZONE } from '../settings/settings.ts'
import type { Task, TaskKind } from './task.ts'

/** What to take from the queue. */
export interface ClaimOptions {
  /** The engine. */
  holder: string
  now: Date
  /** Until when things have to be due. */
  until: Date
  leaseUntil: Date
  limit: number
  /** How many at most for one target, and for one account. */
  perHost: number
  perAccount: number
  /** Not for these: enough of theirs waits already. */
  fullHosts: string[]
  fullAccounts: string[]
}

interface ClaimedRow {
  id: number
  token: number
  job_id: string
  callback_id: number | null
  callback_kind: 'success' | 'failure' | null
  account_id: string
  host: string
  due_at: Date
  begun_at: Date | null
  first_at: Date | null
  tries: number
  lapses: number
  attempts: number
  run: number
  event_version: number
  method: string
  uri: string
  headers: StoredHeaders | null
  body: string | null
  retry_limit: number
  cron: string | null
  timezone: string | null
  callback_uri: string | null
  failure_callback_uri: string | null
  secret: string | null
  previous_secret: string | null
}

/**
 * Takes what is due soon, and what holders have let lapse, earliest first. What somebody holds is theirs until the lease
 * has ended, however soon that is. A claim moves `next_at` to the end of the lease, and raises the token, so that former
 * holders have lost the row. Several engines never get the same row.
 */
export async function claim(db: Db, options: ClaimOptions): Promise<Task[]> {
  const { holder, now, until, leaseUntil, limit, perHost, perAccount, fullHosts, fullAccounts } = options
  // A CTE that locks has to be materialized: an inlined one could run, and lock, more than once.
  const { rows } = await sql<ClaimedRow>`
    with near as materialized (
      select id, host, account_id, next_at from queue
      where next_at <= ${until} and (holder is null or next_at <= ${now})
        and host <> all (${fullHosts}::text[]) and account_id <> all (${fullAccounts}::uuid[])
      order by next_at limit ${2 * limit}
    ), ranked as materialized (
      select id, row_number() over (partition by host order by next_at) as by_host,
        row_number() over (partition by account_id order by next_at) as by_account
      from near
    ), due as materialized (
      select queue.id from queue join ranked on ranked.id = queue.id
      where by_host <= ${perHost} and by_account <= ${perAccount} and queue.next_at <= ${until}
        and (queue.holder is null or queue.next_at <= ${now})
      order by queue.next_at limit ${limit}
      for update of queue skip locked
    ), taken as (
      update queue set next_at = ${leaseUntil}, token = token + 1, holder = ${holder}
      from due where queue.id = due.id
      returning queue.*
    )
    select taken.id, taken.token, taken.job_id, taken.callback_id, callback.kind as callback_kind, taken.account_id,
      taken.host, taken.due_at, taken.begun_at, taken.first_at, taken.tries, taken.lapses, taken.attempts,
      coalesce(callback.run, job.run) as run, job.event_version, case when callback.id is null then job.method else 'POST' end as method,
      coalesce(callback.uri, job.uri) as uri, case when callback.id is null then job.headers end as headers,
      coalesce(callback.payload, job.body) as body, case when callback.id is null then job.retry_limit else 0 end
      as retry_limit, job.cron, coalesce(job.timezone, account.timezone) as timezone, job.callback_uri,
      job.failure_callback_uri, account_setting.signing_secret as secret,
      case when previous_secret_until > ${now} then previous_secret end as previous_secret
    from taken join job on job.id = taken.job_id
      left join callback on callback.id = taken.callback_id
      left join account on account.id = taken.account_id
      left join account_setting on account_setting.account_id = taken.account_id
    order by taken.due_at`.execute(db)
  return rows.map(toTask)
}

/** The targets and accounts of which a claim may have left something. */
export function cutBy(tasks: Task[], { perHost, perAccount }: Pick<ClaimOptions, 'perHost' | 'perAccount'>): string[] {
  const byHost = Map.groupBy(tasks, ({ host }) => host)
  const byAccount = Map.groupBy(tasks, ({ accountId }) => accountId)
  const hosts = [...byHost].filter(([, all]) => all.length >= perHost)
  const accounts = [...byAccount].filter(([, all]) => all.length >= perAccount)
  return [...hosts, ...accounts].map(([key]) => key)
}

function toTask(row: ClaimedRow): Task {
  return {
    id: row.id,
    token: row.token,
    kind: kindOf(row.callback_kind),
    jobId: row.job_id,
    callbackId: row.callback_id,
    accountId: row.account_id,
    host: row.host,
    dueAt: row.due_at,
    begunAt: row.begun_at,
    firstAt: row.first_at,
    tries: row.tries,
    lapses: row.lapses,
    attempts: row.attempts,
    run: row.run,
    eventVersion: row.event_version,
    method: row.method,
    uri: row.uri,
    headers: row.headers,
    body: row.body,
    retryLimit: row.retry_limit,
    cron: row.cron,
    zone: row.timezone ?? DEFAULT_ZONE,
    callbackUri: row.callback_uri,
    failureCallbackUri: row.failure_callback_uri,
    secrets: [row.secret, row.previous_secret].filter((secret) => secret !== null),
  }
}

function kindOf(callback: ClaimedRow['callback_kind']): TaskKind {
  if (callback === null) return 'request'
  return callback === 'success' ? 'callback' : 'failure_callback'
}

/** Whose rows, and which. */
export interface Held {
  holder: string
  tasks: Pick<Task, 'id' | 'token'>[]
}

/**
 * The rows that are still the holder's, locked. Everything that writes several rows locks them in this order, or two
 * statements could wait for each other.
 */
const mine = ({ holder, tasks }: Held) => sql`
  with mine as materialized (
    select queue.id
    from queue
      join unnest(${tasks.map(({ id }) => id)}::bigint[], ${tasks.map(({ token }) => token)}::int[]) as held (id, token)
        on queue.id = held.id and queue.token = held.token
    where holder = ${holder}
    order by queue.id for update of queue
  )`

/**
 * Notes that these are sent now. From this commit on a job cannot be changed, so what was acknowledged before it is what
 * is sent.
 *
 * @returns the ids that are still ours; the others were changed, deleted or taken over
 */
export async function begin(db: Db, held: Held, now: Date): Promise<Set<number>> {
  // Nothing that an index has is touched: the row stays on its page, and its lease is renewed by itself.
  const { rows } = await sql<{ id: number }>`
    ${mine(held)}
    update queue set begun_at = ${now}, first_at = coalesce(first_at, ${now}), attempts = attempts + 1
    from mine where queue.id = mine.id
    returning queue.id`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Keeps rows for longer. @returns the ids that are still ours */
export async function renew(db: Db, held: Held, leaseUntil: Date): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    ${mine(held)}
    update queue set next_at = ${leaseUntil} from mine where queue.id = mine.id
    returning queue.id`.execute(db)
  return new Set(rows.map(({ id }) => id))
}

/** Gives rows that were not begun to whoever comes next. */
export async function handBack(db: Db, held: Held): Promise<void> {
  await sql`
    ${mine(held)}
    update queue set next_at = due_at, holder = null from mine where queue.id = mine.id`.execute(db)
}
