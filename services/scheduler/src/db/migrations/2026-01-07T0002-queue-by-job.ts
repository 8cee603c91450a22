import { type Kysely, sql } from 'kysely'

/**
 * Finds all that is queued of a job: whoever asks for its request and its callbacks at once, as the foreign key does for
 * each job that is deleted, could use neither of the two indexes that had one part each. And what is queued of a callback:
 * its foreign key had no index at all.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index queue_callback_index`.execute(db)
  await sql`create index queue_job_index on queue (job_id)`.execute(db)
  await sql`create index queue_callback_index on queue (callback_id) where callback_id is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index queue_callback_index`.execute(db)
  await sql`drop index queue_job_index`.execute(db)
  await sql`create index queue_callback_index on queue (job_id) where callback_id is not null`.execute(db)
}
