import { fileURLToPath } from 'node:url'
import pg from 'pg'

/** Outbox, inbox and parked events: for a service's list of migration folders. */
export const eventMigrations: string = fileURLToPath(new URL('./migrations', import.meta.url))

/** The embedded log, for the schema `event_log` with the login of the role `event_log`. */
export const eventLogMigrations: string = fileURLToPath(new URL('./event-log-migrations', import.meta.url))

/**
 * Lets roles produce to and consume from the embedded log, through its functions; they get no right on its tables.
 * Repeat it after the schemas were provisioned, which takes all rights on a schema from everybody but its owner.
 *
 * @param url of the schema's owner or of a superuser
 */
export async function grantEventLog(url: string, roles: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const role of roles.map(pg.escapeIdentifier)) {
      await client.query(`grant usage on schema event_log to ${role}`)
      await client.query(`grant execute on all functions in schema event_log to ${role}`)
    }
  } finally {
    await client.end()
  }
}
