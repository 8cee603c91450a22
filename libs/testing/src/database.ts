import { randomBytes } from 'node:crypto'
import { admitRoles, urlForRole } from '@platform/db/provision.ts'
import { SCHEMAS } from '@platform/platform/registry.ts'
import { getForRun } from './run-environment.ts'
import { createDatabase, onServer } from './server.ts'

/** A database of a test file's own, with every schema migrated. */
export interface TestDatabase {
  name: string
  /** Of the superuser. */
  adminUrl: string
  /** As a process gets it in DATABASE_URL: `urlFor('groups')`. */
  urlFor(role: string): string
  /** Ends all connections to it. */
  drop(): Promise<void>
}

/**
 * Copies the migrated template: about a tenth of a second. Once per test file, in `beforeAll`; its tests share it and
 * make their own rows.
 */
export async function cloneDatabase(): Promise<TestDatabase> {
  const serverUrl = getForRun('databaseAdminUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  const adminUrl = patient(await createDatabase(serverUrl, name, getForRun('template')))
  await onServer(serverUrl, (client) => admitRoles(client, name, SCHEMAS))
  return {
    name,
    adminUrl,
    urlFor: (role) => urlForRole(adminUrl, { name: role, password: getForRun('rolePassword') }),
    drop: async () => {
      await onServer(serverUrl, (client) => client.query(`drop database if exists ${name} with (force)`))
    },
  }
}

/** A busy machine takes its time to make a connection: nothing that a test is to fail for. */
function patient(url: string): string {
  const address = new URL(url)
  address.searchParams.set('connect_timeout', '30')
  return address.href
}
