import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Without it, retention would read past a year of tombstones to find the oldest moment that is left.
  await sql`
    create index moment_retention_index on moment (robot_id, captured_at, id)
    where deleted_at is null and not pinned and cardinality(transitions) = 1`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index moment_retention_index`.execute(db)
}
