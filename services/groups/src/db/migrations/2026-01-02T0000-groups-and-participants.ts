import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table "group" (
      id uuid primary key,
      name text not null,
      description text not null,
      short_name text not null,
      sport_id uuid,
      cover_id uuid,
      avatar_id uuid,
      post_rules text not null constraint group_post_rules_check check (post_rules in ('Everyone', 'AdminApproval', 'OnlyAdmin')),
      group_type text not null constraint group_group_type_check check (group_type in ('Public', 'Private')),
      owner_id uuid not null,
      address jsonb,
      latitude double precision,
      longitude double precision,
      -- The location that was given, else the address's, as a point on the sphere: what "nearest" is sorted by.
      position cube generated always as (ll_to_earth(
        coalesce(latitude, (address ->> 'latitude')::float8),
        coalesce(longitude, (address ->> 'longitude')::float8)
      )) stored,
      participants_count integer not null constraint group_participants_count_check check (participants_count >= 0),
      moderation_status text not null default 'posted',
      moderation_version integer not null default 0,
      content_revision integer not null default 1,
      version integer not null default 1,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      deleted_at timestamptz,
      constraint group_location_check check ((latitude is null) = (longitude is null))
    )`.execute(db)
  await sql`create unique index group_short_name_key on "group" (lower(short_name)) where deleted_at is null`.execute(
    db,
  )
  await sql`create index group_newest_index on "group" (created_at desc, id desc) where deleted_at is null`.execute(db)
  await sql`
    create index group_popular_index on "group" (participants_count desc, created_at desc, id desc)
    where deleted_at is null`.execute(db)
  await sql`
    create index group_sport_index on "group" (sport_id, created_at desc, id desc)
    where deleted_at is null and sport_id is not null`.execute(db)
  await sql`create index group_name_index on "group" using gin (name gin_trgm_ops) where deleted_at is null`.execute(db)
  await sql`create index group_position_index on "group" using gist (position) where deleted_at is null`.execute(db)
  for (const part of ['country', 'countryCode', 'region', 'city', 'street']) {
    await sql`
      create index ${sql.raw(`group_address_${part.toLowerCase()}_index`)}
      on "group" (lower(address ->> ${sql.lit(part)}), created_at desc, id desc)
      where deleted_at is null and address is not null`.execute(db)
  }

  await sql`
    create table participant (
      group_id uuid not null constraint participant_group_id_fkey references "group",
      user_id uuid not null,
      is_admin boolean not null default false,
      is_muted boolean not null default false,
      joined_at timestamptz not null,
      deleted_at timestamptz,
      version integer not null default 1,
      constraint participant_pkey primary key (group_id, user_id)
    )`.execute(db)
  await sql`
    create index participant_joined_index on participant (group_id, joined_at, user_id)
    where deleted_at is null`.execute(db)
  await sql`
    create index participant_muted_index on participant (group_id, joined_at, user_id)
    where deleted_at is null and is_muted`.execute(db)
  await sql`create index participant_user_index on participant (user_id, group_id) where deleted_at is null`.execute(db)

  // How many public groups there are, spread over a few rows so that creations don't wait for each other.
  await sql`
    create table public_group_total (
      slot integer primary key,
      total bigint not null default 0
    )`.execute(db)
  await sql`insert into public_group_total (slot) select generate_series(0, 15)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('public_group_total').execute()
  await db.schema.dropTable('participant').execute()
  await db.schema.dropTable('group').execute()
}
