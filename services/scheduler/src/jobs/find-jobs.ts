import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import type { QueuedJobRow, ShownJobRow } from './job-view.ts'
import { type ListQuery, PAGE_LIMIT } from './shapes.ts'

/** More ids than this are asked for by the page. */
const MAX_IDS = 10_000
/** What the bodies of a page have in all. */
const PAGE_BYTES = 1_048_576

/** What a job is shown by, but for its body. */
const PLAIN_COLUMNS = [
  'job.id',
  'uri',
  'method',
  'at',
  'at_offset_minutes',
  'status',
  'callback_uri',
  'failure_callback_uri',
  'retry_limit',
  'headers',
  'cron',
  'timezone',
  'run',
  'job.attempts',
  'created_at',
  'updated_at',
  'finished_at',
  'queue.due_at',
  'next_at',
  'begun_at',
] as const

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

/** A part of an account's jobs, newest first, each with its share of what a page may carry of bodies. */
export function listJobs(db: Db, accountId: string, query: ListQuery): Promise<ShownJobRow[]> {
  const share = Math.floor(PAGE_BYTES / (query.limit ?? PAGE_LIMIT))
  const isCut = sql<boolean>`coalesce(octet_length(job.body) > ${share}, false)`
  // A character has four bytes at most.
  const shown = sql<string | null>`case when ${isCut} then left(job.body, ${Math.floor(share / 4)}) else job.body end`
  return newestJobs(db, accountId, query)
    .clearSelect()
    .select(PLAIN_COLUMNS)
    .select([shown.as('body'), isCut.as('is_cut')])
    .execute()
}

/** As `listJobs`, ids only; all of them (up to a limit) unless a page is asked for. */
export async function listJobIds(db: Db, accountId: string, query: ListQuery): Promise<string[]> {
  const isPaged = query.page !== undefined || query.limit !== undefined
  const rows = await newestJobs(db, accountId, isPaged ? query : { ...query, limit: MAX_IDS })
    .clearSelect()
    .select('job.id')
    .execute()
  return rows.map(({ id }) => id)
}

function newestJobs(db: Db, accountId: string, { status, page = 0, limit = PAGE_LIMIT }: ListQuery) {
  return jobsInStatus(db, accountId, status)
    .orderBy('job.created_at', 'desc')
    .orderBy('job.id', 'desc')
    .limit(limit)
    .offset(page * limit)
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
