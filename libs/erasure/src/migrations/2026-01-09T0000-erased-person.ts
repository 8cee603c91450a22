import { type Kysely, sql } from 'kysely'

/** Up to when a person has been erased, for events about before that come late. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table erased_person (
      person bytea constraint erased_person_pkey primary key,
      until timestamptz not null
    )`.execute(db)
  // Null in what an older process notes during the deploy.
  await sql`alter table erasure_job add requested_at timestamptz`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table erasure_job drop requested_at`.execute(db)
  await db.schema.dropTable('erased_person').execute()
}
