import { isUnavailable } from '@platform/db/database.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Db } from '../db/schema.ts'
import { type Outcome, record } from './record.ts'

/**
 * Records a batch of outcomes; one that cannot be written does not take the others with it.
 *
 * @returns for each whether its row was still the holder's, and it is written
 * @throws when the database is not available: nothing is written then
 */
export async function recordBatch(
  db: Db,
  holder: string,
  outcomes: Outcome[],
  { now, log }: { now: Date; log: Logger },
): Promise<boolean[]> {
  try {
    const ours = await record(db, holder, outcomes, now)
    return outcomes.map(({ task }) => ours.has(task.id))
  } catch (error) {
    if (outcomes.length === 1 || isUnavailable(error)) throw error
    log.warn('a batch of outcomes could not be written; trying each', { size: outcomes.length, error })
  }
  const results: boolean[] = []
  for (const outcome of outcomes) {
    const ours = await record(db, holder, [outcome], now).catch((error) => {
      log.error('an outcome could not be written', { jobId: outcome.task.jobId, error })
      return new Set<number>()
    })
    results.push(ours.has(outcome.task.id))
  }
  return results
}
