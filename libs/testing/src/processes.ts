import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processEnvironment } from '@platform/local/environment.ts'
import { type PlatformChild, startProcess } from '@platform/local/platform-process.ts'
import { freePort } from '@platform/local/ports.ts'
import { mainFile } from '@platform/platform/paths.ts'
import { type PlatformProcess, PROCESSES } from '@platform/platform/registry.ts'
import type { TestDatabase } from './database.ts'
import { getForRun } from './run-environment.ts'

/** A real process of the platform, started for a test. Its port stays the same when it is started again. */
export interface TestProcess {
  name: string
  url: string
  pid(): number
  /** What it wrote so far, over all its lives: one JSON object a line. */
  lines: string[]
  /** Resolves when it is gone. Default SIGKILL: a crash. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it anew after it ended. Resolves when it is ready. */
  restart(): Promise<void>
}

export interface ProcessesOptions {
  database: TestDatabase
  /** Which processes; default: all. Those that are left out have addresses where nothing answers. */
  names?: string[]
  /** Kafka instead of the embedded log; with a prefix for the topics, so that test files do not meet. */
  kafka?: { brokers: string; topicPrefix: string }
  /** More variables for all of them, or one process's by its name: `{ all: { … }, gateway: { … } }`. */
  env?: Record<string, Record<string, string>>
  /** The database's address as a process gets it: for a proxy in between. Default: straight to it. */
  databaseAdminUrl?: string
}

export interface TestProcesses {
  get(name: string): TestProcess
  stop(): Promise<void>
}

export const TEST_ASSERTION_SECRET = 'assertion-secret-of-the-tests-0123456789'

/** Starts processes as production does: `node FOLDER/src/main.ts` with an environment, on free ports. */
export async function startProcesses(options: ProcessesOptions): Promise<TestProcesses> {
  const { database, names, kafka, env = {} } = options
  const password = getForRun('rolePassword')
  const ports: Record<string, { http: number; metrics?: number }> = {}
  for (const { name } of PROCESSES) {
    ports[name] = { http: await freePort(), ...(name === 'gateway' ? { metrics: await freePort() } : {}) }
  }
  const surroundings = {
    adminUrl: options.databaseAdminUrl ?? database.adminUrl,
    passwords: Object.fromEntries(PROCESSES.map(({ name }) => [name, password])),
    assertionSecret: TEST_ASSERTION_SECRET,
    ports,
    kafkaBrokers: kafka?.brokers,
  }
  const mediaFolder = mkdtempSync(join(tmpdir(), 'media-'))
  const wanted = PROCESSES.filter(({ name }) => names === undefined || names.includes(name))
  const started = await Promise.allSettled(
    wanted.map((target) =>
      startTestProcess(target, {
        PATH: process.env.PATH ?? '',
        NODE_ENV: 'test',
        LOG_FORMAT: 'json',
        MEDIA_FOLDER: mediaFolder,
        ...(kafka ? { KAFKA_TOPIC_PREFIX: kafka.topicPrefix } : {}),
        ...processEnvironment(target, surroundings),
        ...env.all,
        ...env[target.name],
      }),
    ),
  )
  const running = started.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
  const stop = async () => {
    await Promise.all(running.map((child) => child.kill('SIGTERM')))
    rmSync(mediaFolder, { recursive: true, force: true })
  }
  const failed = started.find((result) => result.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    get: (name) => {
      const found = running.find((child) => child.name === name)
      if (!found) throw new Error(`${name} was not started.`)
      return found
    },
    stop,
  }
}

async function startTestProcess(target: PlatformProcess, env: Record<string, string>): Promise<TestProcess> {
  const lines: string[] = []
  const options = { name: target.name, file: mainFile(target), env, onLine: (line: string) => void lines.push(line) }
  let child: PlatformChild = await startProcess(options)
  return {
    name: target.name,
    url: child.url,
    pid: () => child.pid,
    lines,
    kill: (signal = 'SIGKILL') => child.kill(signal),
    restart: async () => {
      child = await startProcess(options)
    },
  }
}
