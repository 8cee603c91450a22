import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'

const DAY_MS = 86_400_000
const DAYS_AHEAD = 3
const LOCK = 7_233_181

const dayOf = (instant: number) => new Date(Math.floor(instant / DAY_MS) * DAY_MS).toISOString().slice(0, 10)

/**
 * Makes room for the attempts of the days to come, and forgets those beyond their retention: whole days at a time, by
 * dropping their tables. Several engines may do so at once.
 */
export async function keepPartitions(db: Db, now: Date, retentionDays: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(trx)
    for (let ahead = 0; ahead <= DAYS_AHEAD; ahead++) {
      const from = dayOf(now.getTime() + ahead * DAY_MS)
      const to = dayOf(now.getTime() + (ahead + 1) * DAY_MS)
      const name = `attempt_${from.replaceAll('-', '')}`
      const { rows } = await sql<{ is_there: boolean }>`
        select to_regclass(${name}) is not null or exists (
          select from attempt_default where sent_at >= ${from}::timestamptz and sent_at < ${to}::timestamptz
        ) as is_there`.execute(trx)
      if (rows[0]?.is_there) continue
      await sql`
        create table ${sql.ref(name)} partition of attempt
        for values from (${sql.lit(`${from}T00:00:00Z`)}) to (${sql.lit(`${to}T00:00:00Z`)})`.execute(trx)
    }
    const oldest = now.getTime() - retentionDays * DAY_MS
    const { rows: partitions } = await sql<{ name: string }>`
      select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'attempt'::regclass and relname ~ '^attempt_[0-9]{8}$'`.execute(trx)
    for (const { name } of partitions) {
      if (name < `attempt_${dayOf(oldest).replaceAll('-', '')}`) await sql`drop table ${sql.ref(name)}`.execute(trx)
    }
    await sql`delete from attempt_default where sent_at < ${new Date(oldest)}`.execute(trx)
  })
}
