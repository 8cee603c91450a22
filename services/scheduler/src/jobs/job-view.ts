import type { JobRow } from '../db/schema.ts'
import { namesOf } from '../secrets/job-secrets.ts'
import { formatJobTime } from './at.ts'
import type { Job, JobEcho, JobStatus } from './shapes.ts'

/** A job with what the queue knows of it. */
export interface QueuedJobRow extends JobRow {
  /** Null: nothing is to be sent. */
  due_at: Date | null
  /** Null while it is paused. */
  next_at: Date | null
  begun_at: Date | null
}

/** What is read of a job to show it. */
export type ShownJobRow = Omit<
  QueuedJobRow,
  'account_id' | 'exception' | 'revision' | 'event_version' | 'deleted_at'
> & {
  /** There is more of the body. */
  is_cut?: boolean
}

export function statusOf(row: Pick<QueuedJobRow, 'status' | 'begun_at'>): JobStatus {
  return row.begun_at ? 'running' : row.status
}

/** Changes whenever what a client sees of the job does. */
export function etagOf(row: Pick<QueuedJobRow, 'status' | 'begun_at' | 'revision'>): string {
  return `"${row.revision}-${statusOf(row)}"`
}

export function toEcho(row: Pick<JobRow, 'id' | 'uri' | 'method' | 'at' | 'at_offset_minutes'>): JobEcho {
  const at = formatJobTime({ instant: row.at, offsetMinutes: row.at_offset_minutes })
  return { id: row.id, uri: row.uri, method: row.method, at }
}

/** A job as its owner sees it. Its headers may hold the target's secrets, so only their names are shown. */
export function toJob(row: ShownJobRow): Job {
  const isWaiting = row.next_at !== null && row.begun_at === null
  return {
    ...toEcho(row),
    status: statusOf(row),
    callback_uri: row.callback_uri ?? undefined,
    failure_callback_uri: row.failure_callback_uri ?? undefined,
    limit: row.retry_limit,
    body: row.body ?? undefined,
    truncated: row.is_cut || undefined,
    headers: row.headers ? redacted(namesOf(row.headers)) : undefined,
    cron: row.cron ?? undefined,
    timezone: row.timezone ?? undefined,
    run: row.run,
    attempts: row.attempts,
    next_at: (isWaiting && row.due_at?.toISOString()) || undefined,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    finished_at: row.finished_at?.toISOString(),
  }
}

/** Headers as they are shown: by their names. */
export function redacted(names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '[redacted]']))
}
