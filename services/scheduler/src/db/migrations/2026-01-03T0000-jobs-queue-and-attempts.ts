import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table account (
      id uuid primary key,
      timezone text not null,
      version integer not null,
      deleted_at timestamptz
    )`.execute(db)

  // What an account chose here, and what is counted of it. Made with its first job, or when its settings are read.
  await sql`
    create table account_setting (
      account_id uuid primary key,
      legacy_status boolean not null default false,
      signing_secret text not null,
      previous_secret text,
      previous_secret_until timestamptz,
      active_jobs integer not null default 0 constraint account_setting_active_jobs_check check (active_jobs >= 0)
    )`.execute(db)

  await sql`
    create table job (
      id text primary key,
      account_id uuid not null,
      uri text not null,
      method text not null,
      at timestamptz not null,
      at_offset_minutes integer not null,
      headers jsonb,
      body text,
      callback_uri text,
      failure_callback_uri text,
      retry_limit smallint not null default 0,
      cron text,
      timezone text,
      status text not null constraint job_status_check
        check (status in ('scheduled', 'retrying', 'paused', 'succeeded', 'failed', 'canceled')),
      run integer not null default 1,
      attempts integer not null default 0,
      revision integer not null default 1,
      event_version integer not null default 0,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      finished_at timestamptz,
      deleted_at timestamptz
    )`.execute(db)
  await sql`
    create index job_newest_index on job (account_id, created_at desc, id desc) where deleted_at is null`.execute(db)
  await sql`
    create index job_status_index on job (account_id, status, created_at desc, id desc)
    where deleted_at is null`.execute(db)
  await sql`create index job_finished_index on job (finished_at) where finished_at is not null`.execute(db)

  await sql`
    create table callback (
      id bigint generated always as identity primary key,
      job_id text not null constraint callback_job_id_fkey references job on delete cascade,
      run integer not null,
      kind text not null constraint callback_kind_check check (kind in ('success', 'failure')),
      uri text not null,
      payload text not null,
      status text not null default 'waiting' constraint callback_status_check
        check (status in ('waiting', 'delivered', 'failed')),
      attempts integer not null default 0,
      created_at timestamptz not null,
      finished_at timestamptz
    )`.execute(db)
  await sql`create index callback_job_index on callback (job_id, id)`.execute(db)

  // What is still to be sent, and nothing else: narrow, since each row is written several times in its short life.
  await sql`
    create table queue (
      id bigint generated always as identity primary key,
      job_id text not null constraint queue_job_id_fkey references job on delete cascade,
      callback_id bigint constraint queue_callback_id_fkey references callback on delete cascade,
      account_id uuid not null,
      host text not null,
      due_at timestamptz not null,
      next_at timestamptz,
      token integer not null default 0,
      holder uuid,
      begun_at timestamptz,
      first_at timestamptz,
      tries smallint not null default 0,
      lapses smallint not null default 0,
      attempts integer not null default 0,
      stopping boolean not null default false
    ) with (
      fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.05
    )`.execute(db)
  await sql`create index queue_next_index on queue (next_at) where next_at is not null`.execute(db)
  await sql`create unique index queue_job_key on queue (job_id) where callback_id is null`.execute(db)
  await sql`create index queue_callback_index on queue (job_id) where callback_id is not null`.execute(db)
  await sql`create index queue_holder_index on queue (holder) where holder is not null`.execute(db)

  // History: partitioned by day, so that forgetting is dropping a table. The default takes what no day is there for.
  await sql`
    create table attempt (
      id uuid not null,
      job_id text not null,
      kind text not null,
      run integer not null,
      number integer not null,
      due_at timestamptz not null,
      sent_at timestamptz not null,
      first_byte_at timestamptz,
      ended_at timestamptz not null,
      outcome text not null,
      status_code integer,
      address text,
      headers jsonb,
      body bytea,
      is_truncated boolean not null,
      error text,
      constraint attempt_pkey primary key (job_id, sent_at, id)
    ) partition by range (sent_at)`.execute(db)
  await sql`create table attempt_default partition of attempt default`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['attempt', 'queue', 'callback', 'job', 'account_setting', 'account']) {
    await db.schema.dropTable(table).execute()
  }
}
