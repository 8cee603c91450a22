import { type Kysely, sql } from 'kysely'

const PEOPLE = [
  ['report', 'reporter_id'],
  ['transition', 'actor_id'],
  ['transition', 'subject_id'],
] as const

/** Where the trail and the reports name a person. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const [table, column] of PEOPLE) {
    await sql`create index ${sql.ref(`${table}_${column}_index`)} on ${sql.table(table)} (${sql.ref(column)})`.execute(
      db,
    )
  }
  await sql`create index transition_caller_id_index on transition (caller_id) where caller_id is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop index transition_caller_id_index`.execute(db)
  for (const [table, column] of PEOPLE) await sql`drop index ${sql.ref(`${table}_${column}_index`)}`.execute(db)
}
