import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table erasure_job (
      erasure_id uuid constraint erasure_job_pkey primary key,
      user_id uuid not null,
      traceparent text,
      erased integer not null default 0,
      version integer not null default 0,
      worked_on_at timestamptz not null default clock_timestamp()
    )`.execute(db)
  await sql`create index erasure_job_turn_index on erasure_job (worked_on_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('erasure_job').execute()
}
