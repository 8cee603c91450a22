import { isUnavailable } from '@platform/db/database.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Db } from '../db/schema.ts'
import type { Outcome } from './outcome.ts'
import { record } from './record.ts'
import { isEnd, recordEnds } from './record-ends.ts'

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
    const ours = await write(db, holder, outcomes, now)
    return outcomes.map(({ task }) => ours.has(task.id))
  } catch (error) {
    if (outcomes.length === 1 || isUnavailable(error)) throw error
    log.warn('a batch of outcomes could not be written; trying each', { size: outcomes.length, error })
  }
  const results: boolean[] = []
  for (const outcome of outcomes) {
    const ours = await write(db, holder, [outcome], now).catch((error) => {
      log.error('an outcome could not be written', { jobId: outcome.task.jobId, error })
      return new Set<number>()
    })
    results.push(ours.has(outcome.task.id))
  }
  return results
}

/** Each part is complete in itself. */
async function write(db: Db, holder: string, outcomes: Outcome[], now: Date): Promise<Set<number>> {
  const ends = outcomes.filter(isEnd)
  const others = outcomes.filter((outcome) => !isEnd(outcome))
  const parts = await Promise.all([
    ends.length > 0 ? recordEnds(db, holder, ends, now) : [],
    others.length > 0 ? record(db, holder, others, now) : [],
  ])
  return new Set(parts.flatMap((ids) => [...ids]))
}
