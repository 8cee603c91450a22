import { mkdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { type Ports, processEnvironment, type Surroundings } from '@platform/local/environment.ts'
import { startKafka } from '@platform/local/kafka.ts'
import { startProcess } from '@platform/local/platform-process.ts'
import { nextFreePort } from '@platform/local/ports.ts'
import { startPostgres } from '@platform/local/postgres.ts'
import { prepareDatabase } from '@platform/local/prepare-database.ts'
import type { Running } from '@platform/local/running.ts'
import { startSeaweedfs } from '@platform/local/seaweedfs.ts'
import { mainFile, ROOT } from '@platform/platform/paths.ts'
import { type PlatformProcess, PROCESSES, SCHEMAS } from '@platform/platform/registry.ts'
import { type Console, faint, strong } from './console.ts'
import { demoAccount } from './demo-account.ts'
import { DEMO_REQUEST_ID, type DemoRobotOptions, runDemoRobot } from './demo-robot.ts'
import { claim } from './lock.ts'
import { ownSecrets } from './secrets.ts'
import { type Supervised, supervise } from './supervise.ts'

const DEMO_EMAIL = 'demo@example.com'
const ADMIN_EMAIL = 'admin@example.com'
const GATEWAY_PORT = 8080
const METRICS_PORT = 9464
const KAFKA_PORT = 9092

/** A platform that is up. */
export interface StartedPlatform {
  /** Processes first, then what they need. */
  stop(): Promise<void>
}

/**
 * Starts everything, step by step, and says what it does.
 *
 * @throws Error when a step fails; what it has started by then is left to the caller (`endChildren`)
 */
export async function startPlatform(env: NodeJS.ProcessEnv, console: Console): Promise<StartedPlatform> {
  const begun = performance.now()
  const folder = env.DATA_FOLDER || join(ROOT, '.data')
  mkdirSync(folder, { recursive: true })
  const holder = claim(join(folder, 'start.pid'), 'start.ts')
  if (holder) throw new Error(`The platform runs already on ${folder} (process ${holder}).`)
  const secretsFile = join(folder, 'secrets.json')
  const secrets = ownSecrets(secretsFile, ['assertion', 'adminPassword', 'demoPassword'])
  const passwords = secretsBy(secretsFile, SCHEMAS, (name) => `database.${name}`)
  const ports = await choosePorts(env, console)

  const database = await openDatabaseServer(env, folder, console)
  const [events, media] = await Promise.all([
    openEvents(env, folder, console),
    openMedia(env, folder, console),
    migrateAll(database.url, passwords, console),
  ])
  const surroundings: Surroundings = {
    adminUrl: database.url,
    passwords,
    assertionSecret: secrets.assertion,
    ports,
    kafkaBrokers: events.brokers,
  }
  const gatewayOnly = {
    PUBLIC_URL: `http://127.0.0.1:${ports.gateway?.http}`,
    ADMIN_EMAIL: env.ADMIN_EMAIL || ADMIN_EMAIL,
    ADMIN_PASSWORD: env.ADMIN_PASSWORD || secrets.adminPassword,
  }
  const environmentOf = (target: PlatformProcess) => ({
    MEDIA_FOLDER: resolve(folder, 'media'),
    ...inherited(env),
    ...media.variables,
    ...processEnvironment(target, surroundings),
    ...secretsOf(secretsFile, target),
    ...(target.name === 'gateway' ? gatewayOnly : {}),
  })
  console.say(`Starting ${PROCESSES.map(({ name }) => name).join(', ')} …`)
  const processes = await Promise.all(
    PROCESSES.map((target) => {
      const { name } = target
      const onLine = (line: string) => {
        if (!line.includes(DEMO_REQUEST_ID)) console.relay(name, line)
      }
      const options = { name, file: mainFile(target), env: environmentOf(target), onLine }
      const start = () => startProcess(options)
      return supervise({ name, start, say: console.warn })
    }),
  )
  const url = gatewayOnly.PUBLIC_URL
  const account = { file: join(folder, 'demo-api-key'), email: DEMO_EMAIL, password: secrets.demoPassword }
  const demo = await demoAccount(url, account)
  console.say(
    summary([
      ['Gateway', url],
      ['Docs', `${url}/docs`],
      ['Demo', `${demo.email}, password ${secrets.demoPassword}`],
      ['API key', demo.apiKey],
      ['Token', demo.accessToken],
      ['Admin', `${gatewayOnly.ADMIN_EMAIL}, password ${gatewayOnly.ADMIN_PASSWORD}`],
      ['Data', `${relative(process.cwd(), folder) || folder} ${faint('(remove it to begin anew)')}`],
    ]),
  )
  console.say(`Try it:\n\n  curl -s -H 'X-API-Key: ${demo.apiKey}' ${url}/groups\n`)
  console.say(`Ready in ${((performance.now() - begun) / 1_000).toFixed(1)} s. Ctrl-C stops everything.\n`)
  void showDemoTimeline(
    {
      url,
      file: join(folder, 'demo-robot.json'),
      admin: { email: gatewayOnly.ADMIN_EMAIL, password: gatewayOnly.ADMIN_PASSWORD },
      accessToken: demo.accessToken,
    },
    console,
  )
  return {
    stop: async () => {
      await Promise.all(processes.map((process) => process.stop()))
      await events.server?.stop()
      await media.server?.stop()
      await database.server?.stop()
    },
  }
}

/** Fills the demo account's timeline while the platform is up already. Nothing else depends on it. */
async function showDemoTimeline(options: DemoRobotOptions, console: Console): Promise<void> {
  try {
    const robotId = await runDemoRobot(options)
    if (robotId) console.say(`The demo account has a robot with a week of captures: ${options.url}/moments\n`)
  } catch (error) {
    console.warn(`The demo timeline is not complete. ${error instanceof Error ? error.message : error}`)
  }
}

/** The secrets of this installation, by names of the caller's choice. */
function secretsBy(file: string, names: readonly string[], storedAs: (name: string) => string): Record<string, string> {
  const stored = ownSecrets(file, names.map(storedAs))
  return Object.fromEntries(names.map((name) => [name, stored[storedAs(name)] ?? '']))
}

/** The variables with the secrets that one process has for itself. */
function secretsOf(file: string, { secrets }: PlatformProcess): Record<string, string> {
  const stored = ownSecrets(
    file,
    secrets.map(({ storedAs }) => storedAs),
  )
  return Object.fromEntries(secrets.map(({ variable, storedAs }) => [variable, stored[storedAs] ?? '']))
}

/** What the processes get of our own environment: settings that are theirs, but nothing that belongs to this command. */
function inherited(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const { DATABASE_URL: _, KAFKA_BROKERS: __, PORT: ___, EVENTS: ____, MEDIA: _____, ...rest } = env
  return { LOG_FORMAT: 'pretty', ...rest, NODE_ENV: 'development' }
}

/** The gateway's port is the one that people use; the others follow it. Taken ones are passed over, and said. */
async function choosePorts(env: NodeJS.ProcessEnv, console: Console): Promise<Record<string, Ports>> {
  const taken = new Set<number>()
  const choose = async (what: string, wanted: number) => {
    const port = await nextFreePort(wanted, taken)
    taken.add(port)
    if (port !== wanted) console.say(`Port ${wanted} is taken: ${what} on ${strong(String(port))}.`)
    return port
  }
  const gatewayPort = await choose('the gateway listens', Number(env.PORT) || GATEWAY_PORT)
  const ports: Record<string, Ports> = {
    gateway: { http: gatewayPort, metrics: await choose("the gateway's metrics are", METRICS_PORT) },
  }
  let next = gatewayPort + 1
  for (const { name } of PROCESSES.filter(({ name }) => name !== 'gateway')) {
    const port = await choose(`${name} listens`, next)
    ports[name] = { http: port }
    next = port + 1
  }
  return ports
}

async function openDatabaseServer(
  env: NodeJS.ProcessEnv,
  folder: string,
  console: Console,
): Promise<{ url: string; server?: Supervised<Running> }> {
  if (env.DATABASE_URL) {
    console.say('PostgreSQL: the one of DATABASE_URL.')
    return { url: env.DATABASE_URL }
  }
  console.say('Starting PostgreSQL …')
  // The same port for as long as this runs: the processes have been told.
  let port: number | undefined
  const start = async () => {
    const server = await startPostgres({ folder: join(folder, 'postgres'), port })
    port = server.port
    return server
  }
  const server = await supervise({ name: 'PostgreSQL', start, say: console.warn })
  console.say(`PostgreSQL 18 is up on port ${server.current().port}.`)
  return { url: server.current().url, server }
}

async function openEvents(
  env: NodeJS.ProcessEnv,
  folder: string,
  console: Console,
): Promise<{ brokers?: string; server?: Supervised<Running> }> {
  if (env.KAFKA_BROKERS) {
    console.say('Events: the Kafka of KAFKA_BROKERS.')
    return { brokers: env.KAFKA_BROKERS }
  }
  if (env.EVENTS !== undefined && env.EVENTS !== '' && env.EVENTS !== 'kafka' && env.EVENTS !== 'embedded') {
    throw new Error(`EVENTS is "${env.EVENTS}"; it may be "kafka" or "embedded".`)
  }
  if (env.EVENTS !== 'kafka') {
    console.say('Events: the embedded log, in PostgreSQL. EVENTS=kafka starts a real Kafka.')
    return {}
  }
  console.say('Starting Kafka (the first time, Maven fetches about 45 MB) …')
  const port = await nextFreePort(KAFKA_PORT)
  const start = () => startKafka({ folder: join(folder, 'kafka'), port })
  const server = await supervise({ name: 'Kafka', start, say: console.warn })
  console.say(`Kafka is up on port ${port}.`)
  return { brokers: server.current().brokers, server }
}

/** The store of media: files in the data folder, or a local S3 where `MEDIA=s3` asks for one. */
async function openMedia(
  env: NodeJS.ProcessEnv,
  folder: string,
  console: Console,
): Promise<{ variables: Record<string, string>; server?: Supervised<Running> }> {
  if (env.MEDIA !== undefined && env.MEDIA !== '' && env.MEDIA !== 's3' && env.MEDIA !== 'files') {
    throw new Error(`MEDIA is "${env.MEDIA}"; it may be "s3" or "files".`)
  }
  if (env.MEDIA !== 's3') return { variables: {} }
  console.say('Starting SeaweedFS, an S3 store (the first time, pip fetches it) …')
  // Addresses that clients were given name the port, so it stays the same as long as this runs.
  let port: number | undefined
  const start = async () => {
    const server = await startSeaweedfs({ folder: join(folder, 'seaweedfs'), port })
    port = server.port
    return server
  }
  const server = await supervise({ name: 'SeaweedFS', start, say: console.warn })
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = server.current().access
  console.say(`SeaweedFS is up on port ${server.current().port}.`)
  return {
    variables: {
      MEDIA_S3_ENDPOINT: endpoint,
      MEDIA_S3_BUCKET: bucket,
      MEDIA_S3_REGION: region,
      MEDIA_S3_ACCESS_KEY_ID: accessKeyId,
      MEDIA_S3_SECRET_ACCESS_KEY: secretAccessKey,
    },
    server,
  }
}

async function migrateAll(adminUrl: string, passwords: Record<string, string>, console: Console): Promise<void> {
  const applied = await prepareDatabase(adminUrl, passwords)
  const count = Object.values(applied).flat().length
  if (count > 0) console.say(`Migrated: ${count} changes of the database in ${Object.keys(applied).join(', ')}.`)
}

function summary(rows: [string, string][]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return `\n${rows.map(([name, value]) => `  ${strong(name.padEnd(width))}  ${value}`).join('\n')}\n`
}
