import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table erasure (
      id uuid constraint erasure_pkey primary key,
      user_id uuid not null,
      requested_at timestamptz not null,
      completed_at timestamptz
    )`.execute(db)
  await sql`create index erasure_user_index on erasure (user_id, requested_at desc)`.execute(db)
  // One at a time for each person, however many ask at once.
  await sql`create unique index erasure_open_key on erasure (user_id) where completed_at is null`.execute(db)

  await sql`
    create table erasure_part (
      erasure_id uuid not null constraint erasure_part_erasure_id_fkey references erasure,
      service text not null,
      state text not null default 'pending' constraint erasure_part_state_check check (state in ('pending', 'working', 'completed')),
      since timestamptz not null,
      erased integer not null default 0,
      version integer not null default 0,
      constraint erasure_part_pkey primary key (erasure_id, service)
    )`.execute(db)

  // Whose groups and places these are, those that are over too.
  await sql`create index group_owner_index on "group" (owner_id)`.execute(db)
  await sql`create index participant_left_index on participant (user_id, group_id) where deleted_at is not null`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index participant_left_index, group_owner_index`.execute(db)
  await db.schema.dropTable('erasure_part').execute()
  await db.schema.dropTable('erasure').execute()
}
