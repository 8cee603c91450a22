import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { urlForRole } from '@platform/db/provision.ts'
import { removeAfterwards } from '@platform/local/guard.ts'
import { startKafka } from '@platform/local/kafka.ts'
import { startPostgres } from '@platform/local/postgres.ts'
import { prepareDatabase } from '@platform/local/prepare-database.ts'
import { SCHEMAS } from '@platform/platform/registry.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { setForRun } from '@platform/testing/run-environment.ts'
import { createDatabase } from '@platform/testing/server.ts'

/** A migrated database on an embedded server that keeps its promises: nothing is switched off for speed. */
export interface BenchDatabase extends TestDatabase {
  stop(): Promise<void>
}

/** A folder that goes when the benchmark ends, however it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'platform-bench-'))
  chmodSync(folder, 0o711)
  removeAfterwards(folder)
  return folder
}

export interface BenchDatabases<Name extends string> {
  get(name: Name): TestDatabase
  /** The server's log, a file. */
  log: string
  stop(): Promise<void>
}

/** Several on one server, for what is compared with itself at another size. */
export async function startBenchDatabases<Name extends string>(names: readonly Name[]): Promise<BenchDatabases<Name>> {
  const folder = temporaryFolder()
  const server = await startPostgres({ folder })
  const password = randomBytes(12).toString('base64url')
  setForRun('rolePassword', password)
  const databases = new Map<Name, TestDatabase>()
  for (const name of names) {
    const adminUrl = await createDatabase(server.url, name)
    await prepareDatabase(adminUrl, Object.fromEntries(SCHEMAS.map((schema) => [schema, password])))
    const urlFor = (role: string) => urlForRole(adminUrl, { name: role, password })
    databases.set(name, { name, adminUrl, urlFor, drop: async () => {} })
    setForRun('databaseAdminUrl', adminUrl)
  }
  return {
    get: (name) => {
      const database = databases.get(name)
      if (!database) throw new Error(`There is no database ${name}.`)
      return database
    },
    log: join(folder, 'postgres.log'),
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export async function startBenchDatabase(): Promise<BenchDatabase> {
  const databases = await startBenchDatabases(['bench'])
  return { ...databases.get('bench'), stop: databases.stop }
}

/** A real Kafka, of one node. */
export async function startBenchKafka(): Promise<{ brokers: string; stop(): Promise<void> }> {
  const folder = temporaryFolder()
  const node = await startKafka({ folder })
  return {
    brokers: node.brokers,
    stop: async () => {
      await node.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
