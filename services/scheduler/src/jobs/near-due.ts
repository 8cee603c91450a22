import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'

/** On which engines listen for jobs that are due before they look again. */
export const DUE_CHANNEL = 'scheduler_due'

/**
 * Tells every engine that something is due soon. Only a hint, sent with the commit: engines look by themselves anyway.
 * It takes a lock that all of the database shares, so nobody calls it for what is due later.
 */
export async function hintIfNearDue(trx: Tx, due: Date, now: Date, horizonMs: number): Promise<void> {
  if (due.getTime() > now.getTime() + horizonMs) return
  await sql`select pg_notify(${DUE_CHANNEL}, '')`.execute(trx)
}
