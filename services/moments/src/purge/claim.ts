import { type RawBuilder, sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'

const BATCH = 20
// A replica that dies in the middle of a purge leaves it to the others after this.
const LEASE_MS = 60_000

export interface PurgeTimes {
  now: Date
  /** Moments deleted before are purged. */
  deletedBefore: Date
}

/**
 * Marks moments whose purge begins or is resumed, and returns their ids. From here on they cannot be restored. A pinned
 * moment is never due by its time in the trash.
 */
export async function claimPurges(db: Db, { now, deletedBefore }: PurgeTimes): Promise<string[]> {
  const leaseEnd = new Date(now.getTime() - LEASE_MS)
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

/**
 * Sends moments to the purge at once, whether or not they are pinned or in the trash, for an erasure. The purge worker
 * deletes their files and publishes their receipts; wake it after the commit. Moments that are purged already are left out.
 *
 * @returns how many were sent
 */
export async function sendToPurge(trx: Tx, momentIds: readonly string[], now: Date): Promise<number> {
  // The worker takes a purge whose mark is old, as if a replica had died in the middle of it.
  const { numAffectedRows = 0n } = await sql`
    update moment set
      transitions = case when deleted_at is null then array_append(transitions, pg_current_xact_id()) else transitions end,
      deleted_at = coalesce(deleted_at, ${now}), purge_started_at = '-infinity', pinned = false,
      last_change = 'deleted', changed_xid = pg_current_xact_id(), updated_at = ${now}
    where id = any(${momentIds}::uuid[]) and purged_at is null and purge_started_at is null`.execute(trx)
  return Number(numAffectedRows)
}
