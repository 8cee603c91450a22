import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { urlForRole } from '@platform/db/provision.ts'
import { removeAfterwards } from '@platform/local/guard.ts'
import { startKafka } from '@platform/local/kafka.ts'
import { startPostgres } from '@platform/local/postgres.ts'
import { prepareDatabase } from '@platform/local/prepare-database.ts'
import { SCHEMAS } from '@platform/local/processes.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { setForRun } from '@platform/testing/run-environment.ts'
import { createDatabase } from '@platform/testing/server.ts'

/** A migrated database on an embedded server that keeps its promises: nothing is switched off for speed. */
export interface BenchDatabase extends TestDatabase {
  stop(): Promise<void>
}

/** A folder that goes when the benchmark ends, however it ends. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'platform-bench-'))
  chmodSync(folder, 0o711)
  removeAfterwards(folder)
  return folder
}

export async function startBenchDatabase(): Promise<BenchDatabase> {
  const folder = temporaryFolder()
  const server = await startPostgres({ folder })
  const adminUrl = await createDatabase(server.url, 'bench')
  const password = randomBytes(12).toString('base64url')
  setForRun('databaseAdminUrl', adminUrl)
  setForRun('rolePassword', password)
  await prepareDatabase(adminUrl, Object.fromEntries(SCHEMAS.map((name) => [name, password])))
  return {
    name: 'bench',
    adminUrl,
    urlFor: (role) => urlForRole(adminUrl, { name: role, password }),
    drop: async () => {},
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
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
