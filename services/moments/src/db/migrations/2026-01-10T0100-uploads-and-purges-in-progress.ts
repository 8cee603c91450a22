import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table upload
      -- The moment that has it. A plain id: the upload outlives a moment that is purged at once.
      add column moment_id uuid,
      -- From then on no moment can name it, and its object is deleted.
      add column abandoned_at timestamptz`.execute(db)
  await sql`
    create index moment_purge_started_index on moment (purge_started_at)
    where purge_started_at is not null and purged_at is null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index moment_purge_started_index`.execute(db)
  await sql`alter table upload drop column moment_id, drop column abandoned_at`.execute(db)
}
