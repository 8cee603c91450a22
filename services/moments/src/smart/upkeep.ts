import { purgeBatch } from '@platform/db/purge-batch.ts'
import { readByIndex } from '@platform/db/read-by-index.ts'
import { purge, type Step } from '@platform/erasure/erase.ts'
import type { Logger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import { sql } from 'kysely'
import type { Db, MomentsTables, Tx } from '../db/schema.ts'
import { KEPT_HOURS } from './fresh-query.ts'
import { refreshPriorCounts } from './prior-counts.ts'

const BATCH_SIZE = 500
const EVERY_MS = 300_000

/** Parts that the upkeep needs. */
interface UpkeepDeps {
  db: Db
  clock: () => Date
  log: Logger
}

/** Deletes old snapshots and refreshes the counts of all users' labels, every five minutes. */
export function startSmartUpkeep({ db, clock, log }: UpkeepDeps): BackgroundWork {
  return new BackgroundWork({
    name: 'smart feed',
    log,
    pollMs: EVERY_MS,
    work: async () => {
      const purged = await db.transaction().execute((trx) => purgeSnapshots(trx, clock()))
      if (purged === BATCH_SIZE) return true
      await refreshPriorCounts(db, clock())
      return false
    },
  })
}

/** Deletes a batch of the snapshots that are older than 24 hours. Returns how many it found. */
export async function purgeSnapshots(trx: Tx, now: Date): Promise<number> {
  await readByIndex(trx)
  const isOld = sql`created_at <= ${now}::timestamptz - ${KEPT_HOURS} * interval '1 hour'`
  return purgeBatch(trx, 'smart_snapshot', isOld, BATCH_SIZE)
}

/**
 * Erases what the smart feed keeps of a person. The counts of all users' labels name no one, and forget the person's with
 * the next refresh.
 */
export const smartErasureSteps: Step<MomentsTables>[] = [purge('smart_snapshot', 'user_id')]
