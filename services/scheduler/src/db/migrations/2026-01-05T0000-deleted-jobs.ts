import { type Kysely, sql } from 'kysely'

/** Finds the deleted jobs that are to be forgotten. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index job_deleted_index on job (deleted_at) where deleted_at is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index job_deleted_index`.execute(db)
}
