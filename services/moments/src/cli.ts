import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { CliCommand } from './cli/command.ts'
import { localTimes } from './cli/local-times.ts'
import { loadConfig } from './config.ts'
import type { MomentsTables } from './db/schema.ts'

/** By their names. */
const COMMANDS: Record<string, CliCommand> = { 'local-times': localTimes }

const usages = Object.values(COMMANDS).map(({ usage }) => usage)
const USAGE = `Usage: node services/moments/src/cli.ts COMMAND
${usages.join('\n')}
Commands read the service's environment: DATABASE_URL. The exit code is 1 when something was found that stays as it is.`

const [name = '', ...flags] = process.argv.slice(2)
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (!command || flags.some((flag) => !command.flags.includes(flag))) {
  console.error(USAGE)
  process.exit(2)
}

let database: Database<MomentsTables> | undefined
try {
  const config = loadConfig({ GATEWAY_PRIVATE_URL: 'http://127.0.0.1', ...process.env })
  database = openDatabase<MomentsTables>({
    url: config.DATABASE_URL,
    applicationName: `moments-${name}`,
    log: createLogger({ service: 'moments', level: 'warn', format: 'pretty' }),
    poolSize: 1,
    // Commands read whole tables.
    statementTimeoutMs: 3_600_000,
  })
  const isClean = await command.run({ db: database.db, config, flags, print: (line) => console.log(line) })
  if (!isClean) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
} finally {
  await database?.close()
}
