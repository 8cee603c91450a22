import { openDatabase } from '@platform/db/database.ts'
import { migrate } from '@platform/db/migrate.ts'
import { provision, urlForRole } from '@platform/db/provision.ts'
import { eventLogMigrations, grantEventLog } from '@platform/events/migrations.ts'
import { createLogger } from '@platform/log/logger.ts'
import { EVENT_LOG, PROCESSES, SCHEMAS } from '@platform/platform/registry.ts'
import { migrationFoldersOf } from '@platform/service/migrations.ts'

// An index on a large table may take a while.
const MIGRATION_MS = 3_600_000

/** The password of each role, by its name. */
export type Passwords = Record<string, string>

/**
 * Makes an empty database ready for the platform, or brings one up to date: roles, schemas and rights, then the
 * migrations of each schema, with the login of its own role.
 *
 * @param adminUrl a role that may create roles and schemas, in the database to be prepared
 * @returns the migrations that were applied, by schema; only schemas that had any
 */
export async function prepareDatabase(adminUrl: string, passwords: Passwords): Promise<Record<string, string[]>> {
  const owners = SCHEMAS.map((name) => ({ name, password: passwordOf(passwords, name) }))
  await provision(adminUrl, owners)
  const applied: Record<string, string[]> = {}
  for (const name of SCHEMAS) {
    const url = urlForRole(adminUrl, { name, password: passwordOf(passwords, name) })
    const names = await migrateSchema(name, url)
    if (names.length > 0) applied[name] = names
  }
  return applied
}

function passwordOf(passwords: Passwords, name: string): string {
  const password = passwords[name]
  if (!password) throw new Error(`There is no password for the role ${name}.`)
  return password
}

/**
 * Applies what is missing in one schema; in the embedded log's, also gives every process its rights on it.
 *
 * @param url of the role that owns the schema
 * @returns the migrations that were applied
 */
export async function migrateSchema(name: string, url: string): Promise<string[]> {
  const folders = name === EVENT_LOG ? [eventLogMigrations] : migrationFoldersOf(name)
  const log = createLogger({ service: 'migrate', level: 'silent', format: 'json' })
  const options = { url, applicationName: 'migrate', log, poolSize: 1, statementTimeoutMs: MIGRATION_MS }
  const database = openDatabase<unknown>(options)
  try {
    const applied = await migrate(database.db, folders)
    if (name === EVENT_LOG) {
      await grantEventLog(
        url,
        PROCESSES.map((process) => process.name),
      )
    }
    return applied
  } finally {
    await database.close()
  }
}
