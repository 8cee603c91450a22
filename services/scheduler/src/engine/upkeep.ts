import type { Logger } from '@platform/log/logger.ts'
import type { Db } from '../db/schema.ts'
import { keepPartitions } from './partitions.ts'
import { purgeJobs } from './purge.ts'
import type { Time } from './time.ts'

export interface UpkeepOptions {
  db: Db
  time: Time
  log: Logger
  attemptRetentionDays: number
  /** Of jobs that have finished or were deleted. */
  jobRetentionDays: number
  /** Sets the clock by the database's. */
  adjust: () => Promise<void>
  /** Called once, when the clock is set and there is room for attempts. */
  onReady: () => void
}

const EVERY_MS = 60_000
const TABLES_EVERY_MS = 3_600_000
const AGAIN_MS = 500

/**
 * Does what has to be done from time to time: sets the clock each minute; each hour makes room for attempts, and
 * forgets what is beyond its retention.
 */
export function startUpkeep(options: UpkeepOptions): { stop(): Promise<void> } {
  const { db, time, log, attemptRetentionDays, jobRetentionDays, adjust, onReady } = options
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let isReady = false
  let tablesAt = Number.NEGATIVE_INFINITY

  const round = async (): Promise<void> => {
    try {
      await adjust()
      const isTableTime = performance.now() - tablesAt >= TABLES_EVERY_MS
      if (isTableTime) await keepPartitions(db, new Date(time.now()), attemptRetentionDays)
      if (!isReady && !isStopped) onReady()
      isReady = true
      if (isTableTime) await purgeJobs(db, new Date(time.now()), jobRetentionDays)
      if (isTableTime) tablesAt = performance.now()
    } catch (error) {
      // Without a database, or before it is migrated, there is nothing to do yet.
      log.warn('the scheduler could not see to its clock and tables', { error })
    }
    if (!isStopped) timer = setTimeout(run, isReady ? EVERY_MS : AGAIN_MS)
  }
  let working = Promise.resolve()
  const run = () => {
    working = round()
  }
  run()
  return {
    stop: async () => {
      isStopped = true
      clearTimeout(timer)
      await working
    },
  }
}
