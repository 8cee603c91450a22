import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table robot (
      id uuid primary key,
      -- The owner's name for it.
      name text,
      time_zone text not null default 'UTC',
      -- Older moments move to the trash; null: kept for ever.
      retention_days integer constraint robot_retention_days_check check (retention_days > 0),
      max_moments integer constraint robot_max_moments_check check (max_moments > 0),
      -- The time of the newest moment action: the next one is later, so that readers by time miss none.
      last_action_at timestamptz(3) not null default '-infinity',
      created_at timestamptz not null,
      updated_at timestamptz not null
    )`.execute(db)

  await sql`
    create table access (
      robot_id uuid not null constraint access_robot_id_fkey references robot on delete cascade,
      user_id uuid not null,
      "right" text not null constraint access_right_check check ("right" in ('viewer', 'owner')),
      -- Moments that were captured earlier are hidden from the user.
      visible_from timestamptz(3),
      granted_at timestamptz not null,
      revoked_at timestamptz,
      -- Of the newest robots.access event about this right; 0: it was set over HTTP only.
      event_version integer not null default 0,
      changed_xid xid8 not null default pg_current_xact_id(),
      constraint access_pkey primary key (robot_id, user_id)
    )`.execute(db)
  await sql`create index access_user_index on access (user_id)`.execute(db)

  await sql`
    create table account (
      id uuid primary key,
      version integer not null,
      deleted_at timestamptz
    )`.execute(db)

  // A purged moment stays as a tombstone: its ids and times, without its content.
  await sql`
    create table moment (
      id uuid primary key,
      robot_id uuid not null constraint moment_robot_id_fkey references robot,
      source_id text not null,
      type text not null,
      title text,
      captured_at timestamptz(3) not null,
      time_zone text not null,
      -- The wall clock of the robot at capture. It stays when the robot moves to another zone.
      local_at timestamp(3) not null,
      local_hour smallint not null generated always as (extract(hour from local_at)) stored,
      expires_at timestamptz(3),
      features jsonb,
      share_count integer not null default 0 constraint moment_share_count_check check (share_count >= 0),
      view_counter integer not null default 0 constraint moment_view_counter_check check (view_counter >= 0),
      -- True while the counts have changed since they were last published.
      has_new_counts boolean not null default false,
      pinned boolean not null default false,
      -- The transactions that created, deleted and restored it, in turn: with a snapshot they tell whether it was live then.
      transitions xid8[] not null default array[pg_current_xact_id()],
      deleted_at timestamptz(3),
      deleted_by uuid,
      purge_started_at timestamptz,
      purged_at timestamptz,
      version integer not null default 1,
      last_change text not null default 'created' constraint moment_last_change_check
        check (last_change in ('created', 'changed', 'deleted', 'restored', 'purged')),
      changed_xid xid8 not null default pg_current_xact_id(),
      created_at timestamptz not null,
      updated_at timestamptz not null,
      constraint moment_source_key unique (robot_id, source_id)
    ) with (fillfactor = 80)`.execute(db)
  // Deleted moments are in both: a page with an anchor counts them in its offset.
  await sql`create index moment_timeline_index on moment (robot_id, captured_at desc, id desc)`.execute(db)
  await sql`
    create index moment_local_hour_index on moment (robot_id, local_hour, captured_at desc, id desc)`.execute(db)
  await sql`create index moment_change_index on moment (robot_id, changed_xid, id)`.execute(db)
  await sql`
    create index moment_trash_index on moment (robot_id, deleted_at desc, id desc)
    where deleted_at is not null and purged_at is null`.execute(db)
  await sql`
    create index moment_purge_index on moment (deleted_at)
    where deleted_at is not null and purged_at is null`.execute(db)
  await sql`create index moment_tombstone_index on moment (purged_at) where purged_at is not null`.execute(db)
  await sql`create index moment_counts_index on moment (id) where has_new_counts`.execute(db)

  await sql`
    create table media (
      id uuid primary key,
      moment_id uuid not null constraint media_moment_id_fkey references moment on delete cascade,
      position smallint not null,
      kind text not null constraint media_kind_check check (kind in ('video', 'image', 'thumbnail', 'audio', 'metadata')),
      content_type text,
      bytes bigint,
      -- Hexadecimal.
      sha256 text,
      -- Where our store has it, else where the robot hosts it.
      object_key text constraint media_object_key_key unique,
      uri text,
      -- Base64.
      thumb_hash text,
      constraint media_place_check check ((object_key is null) <> (uri is null))
    )`.execute(db)
  await sql`create index media_moment_index on media (moment_id, position)`.execute(db)

  // A file that was announced and that no moment names yet. Its id becomes the media's.
  await sql`
    create table upload (
      id uuid primary key,
      robot_id uuid not null,
      kind text not null,
      content_type text not null,
      bytes bigint not null,
      sha256 text not null,
      object_key text not null constraint upload_object_key_key unique,
      url_expires_at timestamptz not null,
      created_at timestamptz not null
    )`.execute(db)
  await sql`create index upload_url_expires_at_index on upload (url_expires_at)`.execute(db)

  await sql`
    create table mark (
      user_id uuid not null,
      moment_id uuid not null constraint mark_moment_id_fkey references moment on delete cascade,
      feedback smallint not null default 0 constraint mark_feedback_check check (feedback in (-1, 0, 1)),
      seen_at timestamptz(3),
      shared_at timestamptz(3),
      -- The user moved the moment to the trash.
      deleted_at timestamptz(3),
      updated_at timestamptz(3) not null,
      changed_xid xid8 not null default pg_current_xact_id(),
      constraint mark_pkey primary key (user_id, moment_id)
    ) with (fillfactor = 90)`.execute(db)
  await sql`create index mark_moment_index on mark (moment_id)`.execute(db)
  await sql`create index mark_change_index on mark (user_id, changed_xid, moment_id)`.execute(db)

  await sql`
    create table moment_action (
      id uuid primary key,
      robot_id uuid not null,
      moment_id uuid not null constraint moment_action_moment_id_fkey references moment on delete cascade,
      user_id uuid not null,
      action text not null constraint moment_action_action_check
        check (action in ('like', 'unlike', 'dislike', 'share', 'delete', 'restore')),
      at timestamptz(3) not null
    )`.execute(db)
  await sql`create unique index moment_action_robot_key on moment_action (robot_id, at, id)`.execute(db)
  await sql`create index moment_action_moment_index on moment_action (moment_id)`.execute(db)
  await sql`create index moment_action_user_index on moment_action (user_id)`.execute(db)

  await sql`
    create function was_live(transitions xid8[], at pg_snapshot) returns boolean
    immutable parallel safe language sql return
      (select count(*) % 2 = 1 from unnest(transitions) as transition where pg_visible_in_snapshot(transition, at))`.execute(
    db,
  )
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop function was_live`.execute(db)
  for (const table of ['moment_action', 'mark', 'upload', 'media', 'moment', 'account', 'access', 'robot']) {
    await sql`drop table ${sql.table(table)}`.execute(db)
  }
}
