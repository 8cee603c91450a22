import { type Kysely, sql } from 'kysely'

// Times that lists are ordered by have the precision that JavaScript has, so that a cursor names them exactly.
const TIME = sql.raw('timestamptz(3)')

export async function up(db: Kysely<unknown>): Promise<void> {
  // Counters change much more often than content, which is why updates get room on the page.
  await sql`
    create table post (
      id uuid constraint post_pkey primary key,
      author_id uuid not null,
      group_id uuid,
      original_post_id uuid,
      status text not null constraint post_status_check check (status in ('published', 'suggested', 'declined')),
      text text not null,
      media_ids uuid[] not null default '{}' constraint post_media_ids_check check (cardinality(media_ids) <= 6),
      mentions jsonb not null default '[]',
      location jsonb,
      like_count integer not null default 0 constraint post_like_count_check check (like_count >= 0),
      like_version integer not null default 0,
      comment_count integer not null default 0 constraint post_comment_count_check check (comment_count >= 0),
      repost_count integer not null default 0 constraint post_repost_count_check check (repost_count >= 0),
      moderation_status text not null default 'posted',
      moderation_version integer not null default 0,
      content_revision integer not null default 1,
      version integer not null default 1,
      created_at ${TIME} not null,
      updated_at ${TIME} not null,
      deleted_at timestamptz,
      constraint post_repost_check check (original_post_id is null or group_id is null),
      constraint post_waiting_check check (group_id is not null or status = 'published')
    ) with (fillfactor = 85)`.execute(db)
  await sql`
    create index post_feed_index on post (group_id, created_at desc, id desc)
    where status = 'published' and deleted_at is null`.execute(db)
  await sql`
    create index post_suggested_index on post (group_id, created_at desc, id desc)
    where status = 'suggested' and deleted_at is null`.execute(db)
  await sql`
    create index post_profile_index on post (author_id, created_at desc, id desc)
    where group_id is null and deleted_at is null`.execute(db)
  await sql`
    create index post_created_index on post (author_id, created_at desc, id desc)
    where group_id is null and original_post_id is null and deleted_at is null`.execute(db)
  await sql`
    create index post_reposted_index on post (author_id, created_at desc, id desc)
    where original_post_id is not null and deleted_at is null`.execute(db)
  await sql`
    create unique index post_repost_key on post (original_post_id, author_id)
    where original_post_id is not null and deleted_at is null`.execute(db)
  await sql`
    create index post_reposters_index on post (original_post_id, created_at desc, id desc)
    where original_post_id is not null and deleted_at is null`.execute(db)
  // What goes when a group or an author goes, in whatever state.
  await sql`create index post_group_index on post (group_id) where group_id is not null and deleted_at is null`.execute(
    db,
  )
  await sql`create index post_author_index on post (author_id) where deleted_at is null`.execute(db)

  // Who writes a like changes its post's row in the same transaction, so there is nothing for a foreign key to check.
  await sql`
    create table post_like (
      id uuid not null,
      post_id uuid not null,
      user_id uuid not null,
      created_at ${TIME} not null,
      constraint post_like_pkey primary key (post_id, user_id)
    )`.execute(db)
  await sql`create index post_like_newest_index on post_like (post_id, created_at desc, id desc)`.execute(db)
  await sql`create index post_like_user_index on post_like (user_id)`.execute(db)

  for (const mark of ['post_hide', 'post_seen']) {
    await sql`
      create table ${sql.ref(mark)} (
        user_id uuid not null,
        post_id uuid not null,
        created_at timestamptz not null,
        constraint ${sql.ref(`${mark}_pkey`)} primary key (user_id, post_id)
      )`.execute(db)
    await sql`create index ${sql.ref(`${mark}_post_index`)} on ${sql.ref(mark)} (post_id)`.execute(db)
  }

  await sql`
    create table group_total (
      group_id uuid constraint group_total_pkey primary key,
      published_count integer not null default 0,
      suggested_count integer not null default 0
    ) with (fillfactor = 50)`.execute(db)
  await sql`
    create table user_total (
      user_id uuid constraint user_total_pkey primary key,
      created_count integer not null default 0,
      reposted_count integer not null default 0
    ) with (fillfactor = 50)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['user_total', 'group_total', 'post_seen', 'post_hide', 'post_like', 'post']) {
    await db.schema.dropTable(table).execute()
  }
}
