import { type Kysely, sql } from 'kysely'

/** Whose deletes are not finished: who is erased meanwhile is named in nothing that they still tell. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index deletion_actor_index on deletion (actor_id) where actor_id is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index deletion_actor_index`.execute(db)
}
