import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // While an erasure waits for the purge, it looks twice a second for what is left of a robot.
  await sql`create index moment_kept_index on moment (robot_id, id) where purge_started_at is null`.execute(db)
  await sql`create index moment_robot_tombstone_index on moment (robot_id, id) where purged_at is not null`.execute(db)
  await sql`create index moment_deleted_by_index on moment (deleted_by) where deleted_by is not null`.execute(db)
  await sql`create index upload_robot_index on upload (robot_id)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const index of [
    'upload_robot_index',
    'moment_deleted_by_index',
    'moment_robot_tombstone_index',
    'moment_kept_index',
  ]) {
    await sql`drop index ${sql.table(index)}`.execute(db)
  }
}
