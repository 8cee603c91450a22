import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'

const DAY_MS = 86_400_000
const BATCH = 500

/**
 * Forgets jobs that have finished, whichever way, or were deleted, so many days ago, with all that hangs on them. Small
 * batches, each complete in itself; several engines may do so at once. A job that waits for something, if only for its
 * callback, stays.
 */
export async function purgeJobs(db: Db, now: Date, retentionDays: number): Promise<void> {
  const before = new Date(now.getTime() - retentionDays * DAY_MS)
  for (const column of ['finished_at', 'deleted_at']) {
    while ((await purgeSome(db, column, before)) === BATCH) {}
  }
}

async function purgeSome(db: Db, column: string, before: Date): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: string }>`
      with old as materialized (
        select id from job
        where ${sql.ref(column)} < ${before} and not exists (select from queue where job_id = job.id)
        limit ${BATCH} for update skip locked
      )
      delete from job using old where job.id = old.id returning job.id`.execute(trx)
    const ids = rows.map(({ id }) => id)
    if (ids.length > 0) await sql`delete from attempt where job_id = any (${ids}::text[])`.execute(trx)
    return ids.length
  })
}
