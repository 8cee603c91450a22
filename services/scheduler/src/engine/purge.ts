import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'

const DAY_MS = 86_400_000
const BATCH = 500

/**
 * Forgets jobs that have finished, whichever way, or were deleted, so many days ago, with all that hangs on them. They
 * are among those that are as old. Small batches, each complete in itself; several engines may do so at once. A job that
 * waits for something, if only for its callback, stays.
 */
export async function purgeJobs(db: Db, now: Date, retentionDays: number): Promise<void> {
  const before = new Date(now.getTime() - retentionDays * DAY_MS)
  let last: Place | undefined
  do last = await db.transaction().execute((trx) => purgeSome(trx, before, last))
  while (last)
}

/** Of a job, by its age. */
interface Place {
  /** As PostgreSQL writes it: to the microsecond. */
  created_at: string
  id: string
}

/** @returns how far it has come; undefined when there is nothing more */
export async function purgeSome(trx: Tx, before: Date, after: Place | undefined): Promise<Place | undefined> {
  const { rows: old } = await sql<Place>`
    select created_at::text, id from job
    where created_at < ${before}
      and (created_at, id) > (${after?.created_at ?? '-infinity'}::timestamptz, ${after?.id ?? ''})
    order by job.created_at, id limit ${BATCH}`.execute(trx)
  const { rows: over } = await sql<{ id: string }>`
    with over as materialized (
      select id from job
      where id = any (${old.map(({ id }) => id)}::text[]) and (finished_at < ${before} or deleted_at < ${before})
        and not exists (select from queue where job_id = job.id)
      for update skip locked
    )
    delete from job using over where job.id = over.id returning job.id`.execute(trx)
  const ids = over.map(({ id }) => id)
  if (ids.length > 0) await sql`delete from attempt where job_id = any (${ids}::text[])`.execute(trx)
  return old.length === BATCH ? old.at(-1) : undefined
}
