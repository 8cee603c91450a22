import { type Kysely, sql } from 'kysely'

/** The read model of groups and participants. Their events come by different topics, so neither needs the other. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table "group" (
      id uuid constraint group_pkey primary key,
      owner_id uuid not null,
      post_rules text not null constraint group_post_rules_check check (post_rules in ('Everyone', 'AdminApproval', 'OnlyAdmin')),
      group_type text not null constraint group_group_type_check check (group_type in ('Public', 'Private')),
      version integer not null,
      deleted_at timestamptz
    )`.execute(db)
  await sql`
    create table participant (
      group_id uuid not null,
      user_id uuid not null,
      is_admin boolean not null,
      is_muted boolean not null,
      version integer not null,
      deleted_at timestamptz,
      constraint participant_pkey primary key (group_id, user_id)
    )`.execute(db)
  await sql`
    create index participant_user_index on participant (user_id, group_id)
    include (is_admin) where deleted_at is null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('participant').execute()
  await db.schema.dropTable('group').execute()
}
