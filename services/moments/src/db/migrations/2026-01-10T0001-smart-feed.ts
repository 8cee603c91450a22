import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // One order of a user's smart feed with one filter. It holds ids only: a page shows what the moments are by then.
  await sql`
    create table smart_snapshot (
      id uuid primary key,
      -- Ascending in each list: the advisory lock of the list is held while it is assigned.
      number bigint not null generated always as identity,
      user_id uuid not null,
      -- Canonical JSON.
      filter text not null,
      created_at timestamptz(3) not null,
      -- What it was built from, to tell when it is outdated.
      moments_at pg_snapshot not null,
      label_state bigint not null,
      rights text not null,
      -- The items, in order.
      moment_ids uuid[] not null,
      reasons text[] not null,
      similar_counts integer[] not null,
      constraint smart_snapshot_items_check check (
        cardinality(moment_ids) <= 500
        and cardinality(reasons) = cardinality(moment_ids)
        and cardinality(similar_counts) = cardinality(moment_ids))
    )`.execute(db)
  await sql`create unique index smart_snapshot_list_key on smart_snapshot (user_id, filter, number desc)`.execute(db)
  await sql`create index smart_snapshot_created_at_index on smart_snapshot (created_at)`.execute(db)

  // Labels of all users, refreshed from their newest marks.
  await sql`
    create table smart_prior (
      -- Empty: all types but the most frequent ones.
      type text not null,
      hour_bin smallint not null constraint smart_prior_hour_bin_check check (hour_bin between 0 and 5),
      likes integer not null,
      dislikes integer not null,
      refreshed_at timestamptz(3) not null,
      constraint smart_prior_pkey primary key (type, hour_bin)
    )`.execute(db)

  // Marks that tell of taste are few among those that tell of a view. Each first page compares the newest of them, which
  // it reads from the index alone.
  await sql`
    create index mark_label_index on mark (user_id, updated_at desc, moment_id desc)
    include (feedback, shared_at, deleted_at)
    where feedback <> 0 or shared_at is not null or deleted_at is not null`.execute(db)
  await sql`
    create index mark_newest_label_index on mark (updated_at desc)
    where feedback <> 0 or deleted_at is not null`.execute(db)
  await sql`
    create index mark_reaction_index on mark (moment_id) include (user_id, feedback, shared_at)
    where feedback = 1 or shared_at is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const index of ['mark_reaction_index', 'mark_newest_label_index', 'mark_label_index']) {
    await sql`drop index ${sql.table(index)}`.execute(db)
  }
  await sql`drop table smart_prior`.execute(db)
  await sql`drop table smart_snapshot`.execute(db)
}
