import { type Kysely, sql } from 'kysely'

/**
 * Rows are found by their ids and by when they are next looked at. An index on the holder is one more to write with each
 * claim, and the planner took it for what is found by ids: each of a batch beside each that the engine holds.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index queue_holder_index`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`create index queue_holder_index on queue (holder) where holder is not null`.execute(db)
}
