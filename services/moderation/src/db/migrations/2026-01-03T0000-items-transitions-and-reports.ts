import { type Kysely, sql } from 'kysely'

const TYPES = sql.raw(`('post', 'comment', 'group')`)
const STATUSES = sql.raw(`('posted', 'review', 'flagged', 'approved', 'rejected')`)

export async function up(db: Kysely<unknown>): Promise<void> {
  // Statuses and counts change much more often than content, which is why updates get room on the page.
  await sql`
    create table item (
      entity_type text not null constraint item_entity_type_check check (entity_type in ${TYPES}),
      entity_id uuid not null,
      subject_id uuid not null,
      content jsonb not null,
      content_revision integer not null,
      content_version integer not null,
      status text not null default 'posted' constraint item_status_check check (status in ${STATUSES}),
      status_since timestamptz not null,
      status_revision integer,
      transition_count integer not null default 0,
      report_round integer not null default 1,
      open_report_count integer not null default 0 constraint item_open_report_count_check check (open_report_count >= 0),
      created_at timestamptz not null,
      deleted_at timestamptz,
      constraint item_pkey primary key (entity_type, entity_id),
      constraint item_moved_check check ((transition_count = 0) = (status_revision is null)),
      constraint item_posted_check check ((transition_count = 0) = (status = 'posted'))
    ) with (fillfactor = 80)`.execute(db)
  await sql`
    create index item_queue_index on item (entity_type, status, status_since, entity_id)
    where deleted_at is null`.execute(db)
  await sql`
    create index item_subject_index on item (subject_id, entity_type, created_at desc, entity_id desc)
    where deleted_at is null and status in ('review', 'flagged', 'rejected')`.execute(db)

  await sql`
    create table transition (
      id uuid constraint transition_pkey primary key,
      entity_type text not null,
      entity_id uuid not null,
      number integer not null,
      subject_id uuid not null,
      actor_id uuid not null,
      caller_id uuid,
      previous_status text not null constraint transition_previous_status_check check (previous_status in ${STATUSES}),
      new_status text not null constraint transition_new_status_check check (new_status in ${STATUSES}),
      reason text,
      comment text,
      content_revision integer not null,
      created_at timestamptz not null,
      constraint transition_number_key unique (entity_type, entity_id, number),
      constraint transition_item_fkey foreign key (entity_type, entity_id) references item
    )`.execute(db)

  await sql`
    create table report (
      id uuid constraint report_pkey primary key,
      entity_type text not null,
      entity_id uuid not null,
      reporter_id uuid not null,
      round integer not null,
      content_revision integer not null,
      reason text not null,
      comment text,
      created_at timestamptz not null,
      -- Nobody counts twice before a decision, nor again after it while the content is the same.
      constraint report_round_key unique (entity_type, entity_id, round, reporter_id),
      constraint report_revision_key unique (entity_type, entity_id, content_revision, reporter_id),
      constraint report_item_fkey foreign key (entity_type, entity_id) references item
    )`.execute(db)
  await sql`create index report_newest_index on report (entity_type, entity_id, round, created_at desc)`.execute(db)

  await sql`
    create table item_total (
      entity_type text not null,
      status text not null,
      slot integer not null,
      total bigint not null,
      constraint item_total_pkey primary key (entity_type, status, slot)
    ) with (fillfactor = 50)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['item_total', 'report', 'transition', 'item']) await db.schema.dropTable(table).execute()
}
