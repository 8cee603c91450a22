import { type Kysely, sql } from 'kysely'

/** What a person wrote, also what was deleted; and where others mention them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['post', 'comment']) {
    await sql`
      create index ${sql.ref(`${table}_deleted_author_index`)} on ${sql.table(table)} (author_id)
      where deleted_at is not null`.execute(db)
    await sql`
      create index ${sql.ref(`${table}_mentions_index`)} on ${sql.table(table)} using gin (mentions jsonb_path_ops)
      where mentions <> '[]'`.execute(db)
  }
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ['post', 'comment']) {
    await sql`drop index ${sql.ref(`${table}_mentions_index`)}, ${sql.ref(`${table}_deleted_author_index`)}`.execute(db)
  }
}
