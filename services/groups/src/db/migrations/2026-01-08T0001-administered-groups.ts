import { type Kysely, sql } from 'kysely'

/** The groups that a person administers, without reading all those that they are in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index participant_admin_index on participant (user_id, group_id)
    where is_admin and deleted_at is null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index participant_admin_index`.execute(db)
}
