import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { freePort } from '@platform/local/ports.ts'
import { createLogger } from '@platform/log/logger.ts'
import { serviceFile } from '@platform/platform/paths.ts'
import {
  addressVariable,
  GATEWAY_PRIVATE_URL,
  type PlatformProcess,
  PROCESSES,
  PUBLIC_URL,
  processNamed,
  type ServiceName,
} from '@platform/platform/registry.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { Client } from './client.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'
import { type Person, type PersonOptions, startIssuer } from './issuer.ts'

export type { Person } from './issuer.ts'

/** The whole platform in the test's own process, on a database of its own. */
export interface Platform {
  /** The gateway's address. */
  url: string
  /** Each process's own address, by its name. */
  urls: Record<string, string>
  database: TestDatabase
  /** A new person, with a token from an issuer that the gateway trusts; so no password has to be hashed. */
  person(options?: PersonOptions): Person
  /** Asks without a credential. */
  nobody: Client
  /** A token as `person` has it, with claims of the test's choice. */
  token(claims: Record<string, unknown>): string
  stop(): Promise<void>
}

/** What a process's `src/service.ts` exports. */
interface ProcessModule {
  start(options: StartOptions): Promise<{ url: string; stop(): Promise<void> }>
}

export interface PlatformOptions {
  /**
   * The services that are started, with those that they call; default: all. A test file that needs few starts faster. An
   * erasure completes only with all of them.
   */
  services?: ServiceName[]
  /** Added to every process's environment; `KAFKA_BROKERS` makes it the transport. */
  env?: Record<string, string>
}

/** TEST_LOG=1 shows what the processes log. */
const isLogged = process.env.TEST_LOG === '1'

/** Starts every process of the registry; the tests of a file share it. */
export async function startPlatform({ env = {}, services }: PlatformOptions = {}): Promise<Platform> {
  const database = await cloneDatabase()
  const issuer = await startIssuer()
  const log = createLogger({
    service: 'test',
    level: isLogged ? 'debug' : 'silent',
    format: 'pretty',
  })
  const urls: Record<string, string> = {}
  const running: { stop(): Promise<void> }[] = []
  const stop = async () => {
    // At once: each waits a while for connections to come by, and nobody asks any more.
    await Promise.all(running.map((each) => each.stop()))
    await issuer.stop()
    await database.drop()
    rmSync(mediaFolder, { recursive: true, force: true })
  }
  const mediaFolder = mkdtempSync(join(tmpdir(), 'media-'))
  const [gatewayPort, privatePort] = [await freePort(), await freePort()]
  const startOne = async (target: PlatformProcess) => {
    const { name, calls, callsGateway, issuesUrls } = target
    const module: ProcessModule = await import(pathToFileURL(serviceFile(target)).href)
    const addresses = Object.fromEntries(
      calls.filter((called) => urls[called] !== undefined).map((called) => [addressVariable(called), urls[called]]),
    )
    const started = await module.start({
      env: {
        NODE_ENV: 'test',
        LOG_LEVEL: isLogged ? 'debug' : 'silent',
        DATABASE_URL: database.urlFor(name),
        DATABASE_POOL_SIZE: '5',
        SHUTDOWN_GRACE_MS: '2000',
        JWT_ISSUERS: issuer.setting,
        ...addresses,
        ...(name === 'gateway' ? { PORT: String(gatewayPort), METRICS_PORT: String(privatePort) } : {}),
        ...(callsGateway ? { [GATEWAY_PRIVATE_URL]: `http://127.0.0.1:${privatePort}` } : {}),
        ...(issuesUrls ? { [PUBLIC_URL]: `http://127.0.0.1:${gatewayPort}` } : {}),
        MEDIA_FOLDER: mediaFolder,
        ...env,
      },
      log: log.child({ process: name }),
      onFatal: (error) => log.error('fatal', { process: name, error }),
    })
    urls[name] = started.url
    running.push(started)
  }
  try {
    for (const each of selectProcesses(services)) await startOne(each)
  } catch (error) {
    // What was left running would disturb the test files that come after this one.
    await stop()
    throw error
  }
  const { gateway: url = '' } = urls
  return {
    url,
    urls,
    database,
    nobody: new Client(url),
    person: (options) => issuer.person(url, options),
    token: issuer.token,
    stop,
  }
}

/** Returns the gateway, the named services and those that they call, in the order of the registry. */
function selectProcesses(services?: ServiceName[]): readonly PlatformProcess[] {
  if (!services) return PROCESSES
  const names = new Set<string>(['gateway', ...services, ...services.flatMap((name) => processNamed(name).calls)])
  return PROCESSES.filter(({ name }) => names.has(name))
}
