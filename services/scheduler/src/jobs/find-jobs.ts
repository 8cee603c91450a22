import { DomainError } from '@platform/http/errors.ts'
import type { Db, Tx } from '../db/schema.ts'
import type { QueuedJobRow } from './job-view.ts'
import { type ListQuery, PAGE_LIMIT } from './shapes.ts'

/** More ids than this are asked for by the page. */
const MAX_IDS = 10_000

export const jobNotFound = () => new DomainError('not_found', 'Job not found.')

/** An account's jobs with the queue's part, for further conditions. */
export function queuedJobs(db: Db | Tx, accountId: string) {
  return db
    .selectFrom('job')
    .leftJoin('queue', (join) => join.onRef('queue.job_id', '=', 'job.id').on('queue.callback_id', 'is', null))
    .selectAll('job')
    .select(['queue.due_at', 'queue.next_at', 'queue.begun_at'])
    .where('job.account_id', '=', accountId)
    .where('job.deleted_at', 'is', null)
}

/** @throws DomainError `not_found`, also for another account's job */
export async function getJob(db: Db | Tx, accountId: string, id: string): Promise<QueuedJobRow> {
  const row = await queuedJobs(db, accountId).where('job.id', '=', id).executeTakeFirst()
  if (!row) throw jobNotFound()
  return row
}

/** A part of an account's jobs, newest first. */
export async function listJobs(db: Db, accountId: string, query: ListQuery): Promise<QueuedJobRow[]> {
  const limit = query.limit ?? PAGE_LIMIT
  return jobsInStatus(db, accountId, query.status)
    .orderBy('job.created_at', 'desc')
    .orderBy('job.id', 'desc')
    .limit(limit)
    .offset((query.page ?? 0) * limit)
    .execute()
}

/** As `listJobs`, ids only; all of them (up to a limit) unless a page is asked for. */
export async function listJobIds(db: Db, accountId: string, query: ListQuery): Promise<string[]> {
  if (query.page !== undefined || query.limit !== undefined) {
    return (await listJobs(db, accountId, query)).map(({ id }) => id)
  }
  const rows = await jobsInStatus(db, accountId, query.status)
    .clearSelect()
    .select('job.id')
    .orderBy('job.created_at', 'desc')
    .orderBy('job.id', 'desc')
    .limit(MAX_IDS)
    .execute()
  return rows.map(({ id }) => id)
}

/** Each status by the index that has it: what is still to be sent by the queue's, which has nothing else. */
function jobsInStatus(db: Db, accountId: string, status: ListQuery['status']) {
  const jobs = queuedJobs(db, accountId)
  if (status === undefined) return jobs
  if (status === 'running') {
    return jobs.where('queue.account_id', '=', accountId).where('queue.begun_at', 'is not', null)
  }
  const still = jobs.where('queue.begun_at', 'is', null)
  if (status === 'scheduled') return still.where('queue.account_id', '=', accountId).where('job.status', '=', status)
  return status === 'succeeded' ? still.where('job.status', '=', status) : still.where('job.exception', '=', status)
}
