import { randomInt } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { giveUpCallbacks } from '../callbacks/give-up.ts'
import type { JobRow, Tx } from '../db/schema.ts'
import type { JobSecrets, StoredHeaders } from '../secrets/job-secrets.ts'
import { releaseQuota, takeQuota } from '../settings/quota.ts'
import { ensureSettings } from '../settings/settings.ts'
import { getJob, jobNotFound } from './find-jobs.ts'
import { etagOf, type QueuedJobRow } from './job-view.ts'
import { hintIfNearDue } from './near-due.ts'
import type { JobWish, NewJobWish } from './read-job.ts'
import { hostOf, normalised } from './uri.ts'

/** What every command needs to know. */
export interface CommandContext {
  accountId: string
  now: Date
  /** How far ahead engines look. */
  horizonMs: number
  /** How many jobs with something to do an account may have. */
  quota: number
  secrets: JobSecrets
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const newId = () => Array.from({ length: 12 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')

const sealed = (secrets: JobSecrets, jobId: string, headers: StoredHeaders | null | undefined) =>
  headers ? JSON.stringify(secrets.resealHeaders(jobId, headers)) : null

export const begun = () => new DomainError('conflict', 'The job has begun; it cannot be changed any more.')

/**
 * Creates jobs, all or none.
 *
 * @returns in the order of the wishes
 * @throws ParameterError `rate_limited` when the account would have too many
 */
export async function createJobs(trx: Tx, context: CommandContext, wishes: NewJobWish[]): Promise<QueuedJobRow[]> {
  const { accountId, now, horizonMs, quota, secrets } = context
  await ensureSettings(trx, secrets, accountId)
  const ids = wishes.map(() => newId())
  const rows = wishes.map((wish, i) => ({
    id: ids[i] as string,
    account_id: accountId,
    uri: normalised(wish.uri),
    method: wish.method,
    at: wish.time.instant,
    at_offset_minutes: wish.time.offsetMinutes,
    headers: sealed(secrets, ids[i] as string, wish.headers),
    body: wish.body ?? null,
    callback_uri: wish.callbackUri ? normalised(wish.callbackUri) : null,
    failure_callback_uri: wish.failureCallbackUri ? normalised(wish.failureCallbackUri) : null,
    retry_limit: wish.retryLimit ?? 0,
    cron: wish.cron ?? null,
    timezone: wish.timezone ?? null,
    status: 'scheduled' as const,
    created_at: now,
    updated_at: now,
  }))
  const jobs = await trx.insertInto('job').values(rows).returningAll().execute()
  const byId = new Map(jobs.map((job) => [job.id, job]))
  await trx
    .insertInto('queue')
    .values(
      rows.map((row, i) => ({
        job_id: row.id,
        account_id: accountId,
        host: hostOf((wishes[i] as NewJobWish).uri),
        due_at: row.at,
        next_at: row.at,
      })),
    )
    .execute()
  await takeQuota(trx, accountId, wishes.length, quota)
  const soonest = new Date(Math.min(...rows.map(({ at }) => at.getTime())))
  await hintIfNearDue(trx, soonest, now, horizonMs)
  return rows.map(({ id, at }) => ({ ...(byId.get(id) as JobRow), due_at: at, next_at: at, begun_at: null }))
}

/**
 * Changes what the wish names. What is acknowledged here is what is sent: from the moment in which the request begins,
 * the job cannot be changed.
 *
 * @param wish understood by the job as it is locked
 * @throws DomainError `conflict` when the job has begun
 */
export async function changeJob(
  trx: Tx,
  context: CommandContext,
  job: QueuedJobRow,
  wish: JobWish,
): Promise<QueuedJobRow> {
  requireNotBegun(job)
  const { now, horizonMs, secrets } = context
  // What is in clear text from earlier is sealed now, also when it does not change.
  const headers = wish.headers === undefined ? job.headers : wish.headers
  const isPaused = job.status === 'paused'
  await trx
    .updateTable('job')
    .set({
      uri: wish.uri && normalised(wish.uri),
      method: wish.method,
      at: wish.time?.instant,
      at_offset_minutes: wish.time?.offsetMinutes,
      headers: sealed(secrets, job.id, headers),
      body: wish.body,
      callback_uri: wish.callbackUri === undefined ? undefined : wish.callbackUri && normalised(wish.callbackUri),
      failure_callback_uri:
        wish.failureCallbackUri === undefined
          ? undefined
          : wish.failureCallbackUri && normalised(wish.failureCallbackUri),
      retry_limit: wish.retryLimit,
      cron: wish.cron,
      timezone: wish.timezone,
      revision: sql`revision + 1`,
      updated_at: now,
    })
    .where('id', '=', job.id)
    .execute()
  const due = wish.time?.instant ?? job.due_at ?? job.at
  await requeue(trx, job.id, isPaused ? null : due, { due, host: wish.uri && hostOf(wish.uri) })
  if (!isPaused) await hintIfNearDue(trx, due, now, horizonMs)
  return getJob(trx, context.accountId, job.id)
}

/** @throws DomainError `conflict` when the job has begun */
export async function deleteJob(trx: Tx, context: CommandContext, job: QueuedJobRow): Promise<void> {
  requireNotBegun(job)
  await trx.deleteFrom('queue').where('job_id', '=', job.id).execute()
  await trx
    .updateTable('job')
    .set({ deleted_at: context.now, updated_at: context.now, revision: sql`revision + 1` })
    .where('id', '=', job.id)
    .execute()
  await releaseQuota(trx, context.accountId, 1)
}

/** Sends a job's request now: before its time, before its next retry, or once more after it has finished. */
export async function runJob(trx: Tx, context: CommandContext, job: QueuedJobRow): Promise<QueuedJobRow> {
  if (job.begun_at) throw begun()
  const { accountId, now, horizonMs, quota } = context
  const isFinished = job.due_at === null
  if (isFinished) {
    await trx
      .insertInto('queue')
      .values({ job_id: job.id, account_id: accountId, host: hostOf(new URL(job.uri)), due_at: now, next_at: now })
      .execute()
    await takeQuota(trx, accountId, 1, quota)
  } else {
    await requeue(trx, job.id, now, { due: now })
  }
  await trx
    .updateTable('job')
    .set({
      status: job.status === 'retrying' ? 'retrying' : 'scheduled',
      ...(isFinished && { run: sql<number>`run + 1`, attempts: 0, finished_at: null }),
      revision: sql`revision + 1`,
      updated_at: now,
    })
    .where('id', '=', job.id)
    .execute()
  await hintIfNearDue(trx, now, now, horizonMs)
  return getJob(trx, accountId, job.id)
}

/**
 * Ends a job: nothing more is sent. A request that is under way is not broken off, but it is the last one. Of a job that
 * has finished it ends the retries of callbacks.
 *
 * @throws DomainError `conflict` when there is nothing to end
 */
export async function cancelJob(trx: Tx, context: CommandContext, job: QueuedJobRow): Promise<QueuedJobRow> {
  const { accountId, now } = context
  if (job.due_at === null) {
    if (await giveUpCallbacks(trx, job.id, now)) return job
    throw new DomainError('conflict', 'The job has finished; there is nothing to cancel.')
  }
  if (job.begun_at) {
    await trx
      .updateTable('queue')
      .set({ stopping: true })
      .where('job_id', '=', job.id)
      .where('callback_id', 'is', null)
      .execute()
    return job
  }
  await trx.deleteFrom('queue').where('job_id', '=', job.id).where('callback_id', 'is', null).execute()
  await trx
    .updateTable('job')
    .set({ status: 'canceled', finished_at: now, updated_at: now, revision: sql`revision + 1` })
    .where('id', '=', job.id)
    .execute()
  await releaseQuota(trx, accountId, 1)
  return getJob(trx, accountId, job.id)
}

/**
 * Locks a job and its place in the queue, in the order in which engines do it.
 *
 * @param ifMatch the ETag that the client has seen, or several
 * @throws DomainError `not_found`, also for another account's job; `conflict` when it is not as the client has seen it
 */
export async function lockJob(trx: Tx, accountId: string, id: string, ifMatch?: string): Promise<QueuedJobRow> {
  const lockPlace = () =>
    trx
      .selectFrom('queue')
      .select(['due_at', 'next_at', 'begun_at'])
      .where('job_id', '=', id)
      .where('callback_id', 'is', null)
      .where('account_id', '=', accountId)
      .forUpdate()
      .executeTakeFirst()
  const first = await lockPlace()
  const job = await trx
    .selectFrom('job')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!job) throw jobNotFound()
  // A job that had finished may have been begun anew while its row was waited for.
  const place = first ?? (await lockPlace()) ?? { due_at: null, next_at: null, begun_at: null }
  const locked = { ...job, ...place }
  requireMatch(locked, ifMatch)
  return locked
}

/** Takes the row from whoever has claimed it. */
export async function requeue(
  trx: Tx,
  jobId: string,
  nextAt: Date | null,
  { due, host }: { due?: Date; host?: string },
): Promise<void> {
  await trx
    .updateTable('queue')
    .set({ next_at: nextAt, due_at: due, host, holder: null, token: sql`token + 1` })
    .where('job_id', '=', jobId)
    .where('callback_id', 'is', null)
    .execute()
}

function requireMatch(job: QueuedJobRow, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return
  const seen = ifMatch.split(',').map((tag) => tag.trim())
  if (!seen.includes(etagOf(job))) throw new DomainError('conflict', 'The job is not as you have seen it any more.')
}

function requireNotBegun(job: QueuedJobRow): void {
  const isUntouched = job.begun_at === null && (job.status === 'scheduled' || job.status === 'paused')
  if (!isUntouched) throw begun()
}
