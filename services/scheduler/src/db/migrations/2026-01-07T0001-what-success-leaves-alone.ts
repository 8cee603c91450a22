import { type Kysely, sql } from 'kysely'

/**
 * Nearly every job succeeds at its first request. That changes nothing which an index of `job` has any more: the row
 * stays on its page, and costs itself and not an entry in each of five indexes. Jobs in other statuses are found by a
 * column of their own, those that wait by the queue, and those to be forgotten by their age.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const index of ['status', 'finished', 'deleted'])
    await sql`drop index ${sql.id(`job_${index}_index`)}`.execute(db)
  await sql`alter table job add column exception text generated always as
    (case when status in ('retrying', 'paused', 'failed', 'canceled') then status end) stored`.execute(db)
  await sql`create index job_exception_index on job (account_id, exception, created_at desc, id desc)
    where exception is not null and deleted_at is null`.execute(db)
  await sql`create index job_created_index on job (created_at, id)`.execute(db)
  await sql`create index queue_account_index on queue (account_id) where callback_id is null`.execute(db)
  // Room for the second version of a row beside its first.
  await sql`alter table job set (fillfactor = 70)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table job reset (fillfactor)`.execute(db)
  await sql`drop index queue_account_index`.execute(db)
  await sql`drop index job_created_index`.execute(db)
  await sql`alter table job drop column exception`.execute(db)
  await sql`create index job_status_index on job (account_id, status, created_at desc, id desc)
    where deleted_at is null`.execute(db)
  await sql`create index job_finished_index on job (finished_at) where finished_at is not null`.execute(db)
  await sql`create index job_deleted_index on job (deleted_at) where deleted_at is not null`.execute(db)
}
