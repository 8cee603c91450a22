import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/schema.ts'

const BATCH = 20
export interface PurgeTimes {
  now: Date
  /** Moments deleted before are purged. */
  deletedBefore: Date
  /** A replica that dies in the middle of a purge leaves it to the others after this many milliseconds. */
  leaseMs: number
}

/**
 * Marks moments whose purge begins or is resumed, and returns their ids. From here on they cannot be restored. A pinned
 * moment is never due by its time in the trash. An erasure sets a mark that looks old, so that its moments come first.
 */
export async function claimPurges(db: Db, { now, deletedBefore, leaseMs }: PurgeTimes): Promise<string[]> {
  const leaseEnd = new Date(now.getTime() - leaseMs)
  const started = await claim(db, now, sql`purge_started_at < ${leaseEnd} and purged_at is null`)
  if (started.length > 0) return started
  return claim(
    db,
    now,
    sql`deleted_at < ${deletedBefore} and purged_at is null and purge_started_at is null and not pinned`,
  )
}

async function claim(db: Db, now: Date, condition: RawBuilder<unknown>): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with due as materialized (select id from moment where ${condition} limit ${BATCH} for update skip locked)
    update moment set purge_started_at = ${now} from due where moment.id = due.id
    returning moment.id`.execute(db)
  return rows.map(({ id }) => id)
}
