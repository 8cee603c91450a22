import { type Kysely, sql } from 'kysely'

/**
 * Whether a person hid a post is found by both ids in whichever index the planner takes: by the post alone it reads all
 * who hid it, and a feed asks that for each of its posts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop index post_hide_post_index`.execute(db)
  await sql`create index post_hide_post_index on post_hide (post_id, user_id)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index post_hide_post_index`.execute(db)
  await sql`create index post_hide_post_index on post_hide (post_id)`.execute(db)
}
