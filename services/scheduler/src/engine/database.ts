import { type Database, openDatabase } from '@platform/db/database.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { SchedulerTables } from '../db/schema.ts'

/** One each for claims, begun requests, and leases; two for outcomes. Once a minute one of them tells the time. */
const CONNECTIONS = 5
/** What the planner might choose instead of an index. */
const OTHER_WAYS = ['bitmapscan', 'hashjoin', 'mergejoin', 'seqscan']

/**
 * The connections of an engine. It finds rows by indexes, whatever the statistics say: its queue grows and shrinks faster
 * than they are gathered, and a scan of it or of the jobs would also read what has long been sent.
 */
export function openEngineDatabase(url: string, log: Logger): Database<SchedulerTables> {
  return openDatabase<SchedulerTables>({
    url,
    applicationName: 'scheduler engine',
    log,
    poolSize: CONNECTIONS,
    settings: Object.fromEntries(OTHER_WAYS.map((way) => [`enable_${way}`, 'off'])),
  })
}
