import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // SHA-256 of the robot's id: it refuses captures that arrive after the erasure, and names no robot.
  await sql`
    create table erased_robot (
      robot bytea primary key,
      erased_at timestamptz not null
    )`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table erased_robot`.execute(db)
}
