import { type Kysely, sql } from 'kysely'

/** Whether another erasure follows one that is open: what was done after a part of it would stay. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table erasure add asked_again_at timestamptz, add is_once_more boolean not null default false`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table erasure drop asked_again_at, drop is_once_more`.execute(db)
}
