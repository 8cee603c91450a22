import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processEnvironment } from '@platform/local/environment.ts'
import { type PlatformChild, startProcess } from '@platform/local/platform-process.ts'
import { freePort } from '@platform/local/ports.ts'
import { startPostgres } from '@platform/local/postgres.ts'
import { prepareDatabase } from '@platform/local/prepare-database.ts'
import { mainFile } from '@platform/platform/paths.ts'
import { PROCESSES, SCHEMAS } from '@platform/platform/registry.ts'
import { TEST_ASSERTION_SECRET } from '@platform/testing/processes.ts'
import { onServer } from '@platform/testing/server.ts'
import { Account } from './harness.ts'

/** Several processes of the scheduler on one database server of their own, for tests that break them. */
export async function startReplicas(count: number, env: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'scheduler-test-'))
  chmodSync(folder, 0o711)
  let server = await startPostgres({ folder, durable: false })
  const passwords = Object.fromEntries(SCHEMAS.map((name) => [name, 'password']))
  await prepareDatabase(server.url, passwords)
  const target = PROCESSES.find(({ name }) => name === 'scheduler')
  if (!target) throw new Error('The scheduler is not in the registry.')
  const children: PlatformChild[] = await Promise.all(
    Array.from({ length: count }, async () => {
      const ports = { scheduler: { http: await freePort() } }
      const surroundings = { adminUrl: server.url, passwords, assertionSecret: TEST_ASSERTION_SECRET, ports }
      const environment = {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'test',
        ALLOWED_INNER_TARGETS: '127.0.0.0/8',
        ...processEnvironment(target, surroundings),
        ...env,
      }
      return startProcess({ name: target.name, file: mainFile(target), env: environment })
    }),
  )
  return {
    /** Asks the replica of this number. */
    account: (replica = 0) => new Account(children[replica]?.url ?? '', TEST_ASSERTION_SECRET),
    kill: (replica: number, signal: NodeJS.Signals) => children[replica]?.kill(signal),
    /** Stops the database server, as an administrator would, and starts it again. */
    async restartDatabase() {
      const { port } = server
      await server.stop()
      server = await startPostgres({ folder, port, durable: false })
    },
    query: <T extends object>(text: string) =>
      onServer(server.url, async (client) => (await client.query<T>(text)).rows),
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type Replicas = Awaited<ReturnType<typeof startReplicas>>
