import { type Kysely, sql } from 'kysely'

const TIME = sql.raw('timestamptz(3)')

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table comment (
      id uuid constraint comment_pkey primary key,
      post_id uuid not null,
      author_id uuid not null,
      parent_comment_id uuid,
      text text not null,
      mentions jsonb not null default '[]',
      is_edited boolean not null default false,
      like_count integer not null default 0 constraint comment_like_count_check check (like_count >= 0),
      like_version integer not null default 0,
      reply_count integer not null default 0 constraint comment_reply_count_check check (reply_count >= 0),
      moderation_status text not null default 'posted',
      moderation_version integer not null default 0,
      content_revision integer not null default 1,
      version integer not null default 1,
      created_at ${TIME} not null,
      updated_at ${TIME} not null,
      deleted_at timestamptz
    ) with (fillfactor = 85)`.execute(db)
  await sql`create index comment_post_index on comment (post_id, created_at, id) where deleted_at is null`.execute(db)
  await sql`
    create index comment_replies_index on comment (parent_comment_id, created_at, id)
    where parent_comment_id is not null and deleted_at is null`.execute(db)
  await sql`create index comment_author_index on comment (author_id, post_id) where deleted_at is null`.execute(db)

  await sql`
    create table comment_like (
      id uuid not null,
      comment_id uuid not null,
      post_id uuid not null,
      user_id uuid not null,
      created_at ${TIME} not null,
      constraint comment_like_pkey primary key (comment_id, user_id)
    )`.execute(db)
  await sql`create index comment_like_newest_index on comment_like (comment_id, created_at desc, id desc)`.execute(db)
  await sql`create index comment_like_post_index on comment_like (post_id)`.execute(db)
  await sql`create index comment_like_user_index on comment_like (user_id)`.execute(db)

  // What is deleted already, but of which something still hangs on it. A row goes when nothing is left.
  await sql`
    create table deletion (
      kind text not null constraint deletion_kind_check check (kind in ('group', 'post', 'comment')),
      target_id uuid not null,
      deleted_at timestamptz not null,
      traceparent text,
      actor_id text,
      worked_on_at timestamptz not null default now(),
      constraint deletion_pkey primary key (kind, target_id)
    )`.execute(db)
  await sql`create index deletion_turn_index on deletion (worked_on_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['deletion', 'comment_like', 'comment']) await db.schema.dropTable(table).execute()
}
