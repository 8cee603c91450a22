import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // An erasure looks for the moments that the person deleted.
  await sql`create index moment_deleted_by_index on moment (deleted_by) where deleted_by is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index moment_deleted_by_index`.execute(db)
}
