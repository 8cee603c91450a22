import { bigints, integers } from '@platform/db/arrays.ts'
import { type Parts, prepare } from '@platform/db/prepared.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { StoredHeaders } from '../secrets/job-secrets.ts'
import { releaseQuotasOf } from '../settings/quota.ts'
import { DEFAULT_ZONE } from '../settings/settings.ts'
import type { Task, TaskKind } from './task.ts'

/** How much more may be under way. */
export interface Room {
  /** In all. */
  total: number
  /** For targets and accounts that are not named below. */
  perHost: number
  perAccount: number
  /** Of those of which something is under way or waits. Below 0: so many wait. */
  byHost: ReadonlyMap<string, number>
  byAccount: ReadonlyMap<string, number>
}

/** What to take from the queue. */
export interface ClaimOptions {
  /** The engine. */
  holder: string
  now: Date
  /** Until when things have to be due. */
  until: Date
  leaseUntil: Date
  /** How many to look at. */
  limit: number
  room: Room
  /** How many to take that are not due yet, for one target, and for one account, beyond what there is room for. */
  aheadPerHost: number
  aheadPerAccount: number
}

export interface Claimed {
  tasks: Task[]
  /** How many there were, up to the limit. */
  lookedAt: number
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
  begins: boolean
  lapsed_at: Date | null
  /** Null: it had not been begun before. */
  begun_first_at: Date | null
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
  looked_at: number
}

/** The options as the statement takes them. */
interface Claiming extends Omit<ClaimOptions, 'room'>, Pick<Room, 'perHost' | 'perAccount'> {
  /** JSON objects. */
  byHost: string
  byAccount: string
}

/** Also without an end a lease is over: nobody must be able to keep a row for ever. */
const isFree = (now: Parts<ClaimOptions>['now']) =>
  sql`(queue.holder is null or coalesce(queue.lease_until <= ${now}::timestamptz, true))`

// A CTE that locks has to be materialized: an inlined one could run, and lock, more than once. Rows are looked at in the
// order of their index, and found by their ids afterwards. One that somebody has changed since the statement began is
// left for the next look: its lock shows it as it is now, but its job as it was before, which must not be sent any more.
const takeDue = prepare<Claiming, ClaimedRow>(
  'claim',
  (given) => sql`
    with near as materialized (
      select id, token, host, account_id, next_at, next_at <= ${given.now}::timestamptz as is_due, host_room,
        account_room
      from queue,
        lateral (select coalesce((${given.byHost}::jsonb ->> host)::int, ${given.perHost}::int) as host_room,
          coalesce((${given.byAccount}::jsonb ->> account_id::text)::int, ${given.perAccount}::int) as account_room) room
      where next_at <= ${given.until}::timestamptz and ${isFree(given.now)}
        and host_room > case when next_at <= ${given.now}::timestamptz then 0 else -${given.aheadPerHost}::int end
        and account_room > case when next_at <= ${given.now}::timestamptz then 0 else -${given.aheadPerAccount}::int end
      order by next_at limit ${given.limit}::int
    ), ranked as materialized (
      select near.*, row_number() over (partition by host collate "C" order by next_at) as host_place,
        row_number() over (partition by account_id order by next_at) as account_place
      from near
    ), due as materialized (
      select queue.id, queue.next_at <= ${given.now}::timestamptz and queue.begun_at is null as begins,
        queue.begun_at as lapsed_at, queue.first_at as begun_first_at
      from ranked join queue on queue.id = ranked.id
      where host_place <= host_room + case when is_due then 0 else ${given.aheadPerHost}::int end
        and account_place <= account_room + case when is_due then 0 else ${given.aheadPerAccount}::int end
        and queue.token = ranked.token and queue.next_at <= ${given.until}::timestamptz
        and ${isFree(given.now)}
      for update of queue skip locked
    ), taken as (
      update queue set holder = ${given.holder}::uuid, lease_until = ${given.leaseUntil}::timestamptz, token = token + 1,
        begun_at = case when begins then ${given.now}::timestamptz else begun_at end,
        first_at = case when begins then coalesce(first_at, ${given.now}::timestamptz) else first_at end,
        attempts = attempts + begins::int
      from due where queue.id = due.id
      returning queue.*, begins, lapsed_at, begun_first_at
    )
    select taken.id, taken.token, taken.job_id, taken.callback_id, callback.kind as callback_kind, taken.account_id,
      taken.host, taken.due_at, taken.begins, taken.lapsed_at, taken.begun_first_at, taken.tries, taken.lapses, taken.attempts,
      coalesce(callback.run, job.run) as run, job.event_version, case when callback.id is null then job.method else 'POST' end as method,
      coalesce(callback.uri, job.uri) as uri, case when callback.id is null then job.headers end as headers,
      coalesce(callback.payload, job.body) as body, case when callback.id is null then job.retry_limit else 0 end
      as retry_limit, job.cron, coalesce(job.timezone, account.timezone) as timezone, job.callback_uri,
      job.failure_callback_uri, account_setting.signing_secret as secret,
      case when previous_secret_until > ${given.now}::timestamptz then previous_secret end as previous_secret,
      (select count(*)::int from near) as looked_at
    from taken join job on job.id = taken.job_id
      left join callback on callback.id = taken.callback_id
      left join account on account.id = taken.account_id
      left join account_setting on account_setting.account_id = taken.account_id
    order by taken.due_at`,
)

/**
 * Takes what is due soon, and what holders have let lapse, earliest first; what is due already and has room is begun by
 * that. What somebody holds is theirs until the lease has ended. A claim raises the token, so that former holders have
 * lost the row. Several engines never get the same row.
 */
export async function claim(db: Db, { room, ...options }: ClaimOptions): Promise<Claimed> {
  const rows = await takeDue(db, {
    ...options,
    perHost: room.perHost,
    perAccount: room.perAccount,
    byHost: JSON.stringify(Object.fromEntries(room.byHost)),
    byAccount: JSON.stringify(Object.fromEntries(room.byAccount)),
  })
  return { tasks: rows.map((row) => toTask(row, options.now)), lookedAt: rows[0]?.looked_at ?? 0 }
}

function toTask(row: ClaimedRow, now: Date): Task {
  return {
    id: row.id,
    token: row.token,
    kind: kindOf(row.callback_kind),
    jobId: row.job_id,
    callbackId: row.callback_id,
    accountId: row.account_id,
    host: row.host,
    dueAt: row.due_at,
    isBegun: row.begins,
    lapsedAt: row.lapsed_at,
    firstAt: row.begun_first_at ?? (row.begins ? now : null),
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

/** The same for a statement. */
interface HeldRows {
  holder: string
  ids: Buffer
  tokens: Buffer
  at: Date
}

const rowsOf = ({ holder, tasks }: Held, at: Date): HeldRows => ({
  holder,
  ids: bigints(tasks.map(({ id }) => id)),
  tokens: integers(tasks.map(({ token }) => token)),
  at,
})

/**
 * The rows that are still the holder's, locked. Everything that writes several rows locks them in this order, or two
 * statements could wait for each other.
 */
const mine = ({ holder, ids, tokens }: Parts<HeldRows>) => sql`
  with mine as materialized (
    select queue.id, job_id, account_id, stopping and callback_id is null as is_canceled
    from queue
      join unnest(${ids}::bigint[], ${tokens}::int[]) as held (id, token)
        on queue.id = held.id and queue.token = held.token
    where holder = ${holder}::uuid
    order by queue.id for update of queue
  )`

const beginRows = prepare<HeldRows, { id: number }>(
  'begin',
  (given) => sql`
    ${mine(given)}
    update queue set begun_at = ${given.at}::timestamptz, first_at = coalesce(first_at, ${given.at}::timestamptz),
      attempts = attempts + 1
    from mine where queue.id = mine.id
    returning queue.id`,
)

/**
 * Notes that these are sent now. From this commit on a job cannot be changed, so what was acknowledged before it is what
 * is sent.
 *
 * @returns the ids that are still ours; the others were changed, deleted or taken over
 */
export async function begin(db: Db, held: Held, now: Date): Promise<Set<number>> {
  const rows = await beginRows(db, rowsOf(held, now))
  return new Set(rows.map(({ id }) => id))
}

const renewRows = prepare<HeldRows, { id: number }>(
  'renew',
  (given) => sql`
    ${mine(given)}
    update queue set lease_until = ${given.at}::timestamptz from mine where queue.id = mine.id
    returning queue.id`,
)

/** Keeps rows for longer. @returns the ids that are still ours */
export async function renew(db: Db, held: Held, leaseUntil: Date): Promise<Set<number>> {
  const rows = await renewRows(db, rowsOf(held, leaseUntil))
  return new Set(rows.map(({ id }) => id))
}

/**
 * Gives rows of which nothing was sent to whoever comes next. A job that was canceled after it had begun has ended by
 * that: there is no request any more that could be its last one.
 */
export async function handBack(db: Db, held: Held, now: Date): Promise<void> {
  await sql`
    ${mine(rowsOf(held, now))}, over as materialized (
      select id as queue_id, job_id, account_id from mine where is_canceled
    ), gone as (
      delete from queue using over where queue.id = over.queue_id
    ), ended as (
      update job set status = 'canceled', finished_at = ${now}, updated_at = ${now}, revision = revision + 1
      from over where job.id = over.job_id
    ), ${releaseQuotasOf('over')}
    update queue set holder = null, begun_at = null, attempts = attempts - (begun_at is not null)::int,
      first_at = case when attempts > (begun_at is not null)::int then first_at end
    from mine where queue.id = mine.id and not is_canceled`.execute(db)
}
