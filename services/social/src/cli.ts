import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { loadConfig } from './config.ts'
import type { SocialTables } from './db/schema.ts'
import { findDrift, mendDrift } from './totals/recount.ts'

const USAGE = `Usage: node services/social/src/cli.ts recount [--fix]
  recount        counts likes, comments, reposts, replies and totals anew; one line of JSON for each that has drifted
  recount --fix  and sets them right
It reads the service's environment: DATABASE_URL. The exit code is 1 when something has drifted and was not set right.`

const [command, flag, ...rest] = process.argv.slice(2)
const isFix = flag === '--fix'
if (command !== 'recount' || (flag !== undefined && !isFix) || rest.length > 0) {
  console.error(USAGE)
  process.exit(2)
}

const settings = loadConfig({ GROUPS_URL: 'http://127.0.0.1', ...process.env })
const log = createLogger({ service: 'social', level: 'warn', format: 'pretty' })
const database = openDatabase<SocialTables>({
  url: settings.DATABASE_URL,
  applicationName: 'social-recount',
  log,
  poolSize: 1,
  // It reads whole tables.
  statementTimeoutMs: 3_600_000,
})
try {
  const drifts = await findDrift(database.db)
  for (const drift of drifts) {
    console.log(JSON.stringify(drift))
    if (isFix) await mendDrift(database.db, drift)
  }
  console.error(`${drifts.length} of the kept numbers had drifted${isFix ? ' and were set right' : ''}.`)
  if (drifts.length > 0 && !isFix) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
} finally {
  await database.close()
}
