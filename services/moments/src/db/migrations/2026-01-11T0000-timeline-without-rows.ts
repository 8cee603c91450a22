import { type Kysely, sql } from 'kysely'

/**
 * Totals and buckets count thousands of moments, and a page is found among them: with these columns both read the index
 * alone. A count of views or shares changes none of them, so that it stays a heap-only update.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index moment_timeline_index`.execute(db)
  await sql`drop index moment_local_hour_index`.execute(db)
  await sql`
    create index moment_timeline_index on moment (robot_id, captured_at desc, id desc)
    include (local_at, expires_at, pinned, deleted_at)`.execute(db)
  await sql`
    create index moment_local_hour_index on moment (robot_id, local_hour, captured_at desc, id desc)
    include (local_at, expires_at, pinned, deleted_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index moment_timeline_index`.execute(db)
  await sql`drop index moment_local_hour_index`.execute(db)
  await sql`create index moment_timeline_index on moment (robot_id, captured_at desc, id desc)`.execute(db)
  await sql`
    create index moment_local_hour_index on moment (robot_id, local_hour, captured_at desc, id desc)`.execute(db)
}
