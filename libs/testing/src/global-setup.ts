import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '@platform/platform/paths.ts'
import { passwordVariable, SCHEMAS } from '@platform/platform/registry.ts'
import { setForRun } from './run-environment.ts'
import { createDatabase, onServer } from './server.ts'
import { type ProvidedService, provideKafka, provideObjectStore, providePostgres } from './services.ts'

/** The part of Jest's configuration that says which test files this run takes: all, or those that match one. */
interface Run {
  testPathPatterns: { patterns: string[] }
}

const notice = (text: string) => process.stderr.write(`\n*** ${text}\n`)

/** Runs once before all test files: the servers, and the database that each file gets a copy of. */
export default async function setUp(run: Run): Promise<void> {
  const started = performance.now()
  const [postgres, kafka, objectStore] = await Promise.all([
    providePostgres(notice),
    wants(run, 'kafka.ts') ? provideKafka(notice) : undefined,
    wants(run, 'object-store.ts') ? provideObjectStore(notice) : undefined,
  ])
  const services: ProvidedService[] = [postgres, kafka, objectStore].filter((service) => service !== undefined)
  globalThis.stopTestServices = async () => {
    await onServer(postgres.address, (client) => client.query(`drop database if exists ${template} with (force)`))
    await Promise.all(services.map((service) => service.stop()))
  }
  const template = `test_template_${randomBytes(4).toString('hex')}`
  const rolePassword = randomBytes(12).toString('base64url')
  const templateUrl = await createDatabase(postgres.address, template)
  await migrateTemplate(templateUrl, rolePassword)
  setForRun('databaseAdminUrl', postgres.address)
  setForRun('template', template)
  setForRun('rolePassword', rolePassword)
  if (kafka) setForRun('kafkaBrokers', kafka.address)
  if (objectStore) setForRun('objectStore', objectStore.address)
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  process.stderr.write(
    `PostgreSQL: ${postgres.from}. Kafka: ${kafka?.from ?? 'none'}. S3: ${objectStore?.from ?? 'none'}. Ready in ${seconds} s.\n`,
  )
}

/** By the same command as in production, in a process of its own: Jest loads no migrations by their address here. */
async function migrateTemplate(adminUrl: string, rolePassword: string): Promise<void> {
  const passwords = Object.fromEntries(SCHEMAS.map((name) => [passwordVariable(name), rolePassword]))
  const env = { ...process.env, ...passwords, ADMIN_DATABASE_URL: adminUrl }
  await promisify(execFile)(process.execPath, [join(ROOT, 'infra/local/src/migrate.ts')], { env })
}

declare global {
  var stopTestServices: (() => Promise<void>) | undefined
}

/** Some servers take seconds to start, so a run has one only if a test file of the run imports its module. */
function wants({ testPathPatterns }: Run, module: string): boolean {
  const files = globSync('{gateway,services,libs,infra}/**/*.test.ts', {
    cwd: ROOT,
    exclude: (path) => /node_modules|\.cache|\.data/.test(path),
  })
  const patterns = testPathPatterns.patterns.map((pattern) => new RegExp(pattern, 'i'))
  const isMatch = (path: string) => patterns.length === 0 || patterns.some((pattern) => pattern.test(path))
  return files
    .map((file) => `${ROOT}${file}`)
    .some((file) => isMatch(file) && readFileSync(file, 'utf8').includes(`@platform/testing/${module}`))
}
