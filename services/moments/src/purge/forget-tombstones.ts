import { purgeBatch } from '@platform/db/purge-batch.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'

const BATCH = 500

/**
 * Deletes a batch of tombstones that have refused their captures for long enough, with the marks and actions on them.
 *
 * @returns false when there was none
 */
export async function forgetTombstones(db: Db, purgedBefore: Date): Promise<boolean> {
  const found = await db
    .transaction()
    .execute((trx) => purgeBatch(trx, 'moment', sql`purged_at < ${purgedBefore}`, BATCH))
  return found > 0
}
