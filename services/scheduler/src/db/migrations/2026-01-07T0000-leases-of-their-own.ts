import { type Kysely, sql } from 'kysely'

/**
 * A claim no longer touches anything that an index has, so that the row stays on its page: what it costs is the row, and
 * not an entry in each index. Each row is written twice in its life, and many of a page at once: that is what the room
 * on the pages is for.
 *
 * Engines of before and after do not understand each other's leases: none of before may run any more.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table queue add column lease_until timestamptz`.execute(db)
  await sql`update queue set lease_until = next_at, next_at = due_at where holder is not null and next_at is not null`.execute(
    db,
  )
  await sql`alter table queue set (fillfactor = 50)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table queue set (fillfactor = 70)`.execute(db)
  await sql`update queue set next_at = lease_until where holder is not null and next_at is not null`.execute(db)
  await sql`alter table queue drop column lease_until`.execute(db)
}
