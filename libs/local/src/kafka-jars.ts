import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { guardChild } from './guard.ts'

const run = promisify(execFile)
const POM = fileURLToPath(new URL('../kafka/pom.xml', import.meta.url))
const CACHE = fileURLToPath(new URL('../.cache', import.meta.url))
const MAVEN_MS = 300_000

/** The `java` to start Kafka with: that of JAVA_HOME, else the first in PATH. */
export function javaProgram(): string {
  return process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
}

/** Why Kafka cannot run on this machine, or undefined when it can. */
export async function kafkaObstacle(): Promise<string | undefined> {
  const java = await run(javaProgram(), ['-version']).catch(() => undefined)
  const major = Number(/version "(\d+)/.exec(java?.stderr ?? '')?.[1] ?? 0)
  if (major < 17) return `a JDK 17 or later is needed (${major ? `this one is ${major}` : 'no java was found'})`
  if (existsSync(jarsFolder())) return undefined
  const maven = await run('mvn', ['-v']).catch(() => undefined)
  return maven ? undefined : 'Maven is needed to fetch Kafka (no mvn was found)'
}

/** Named by what the pom says, so that another version is fetched anew. */
function jarsFolder(): string {
  const version = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12)
  return join(CACHE, `kafka-${version}`)
}

/**
 * The folder with Kafka's jars, which Maven fetches the first time (about 45 MB).
 *
 * @throws Error with what Maven said
 */
export async function kafkaJars(): Promise<string> {
  const folder = jarsFolder()
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  // Complete or not there at all, also when two processes fetch at once or one is interrupted.
  const fetching = mkdtempSync(join(CACHE, 'fetching-'))
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${fetching}`, '-DincludeScope=runtime']
  try {
    const maven = run('mvn', ['-q', '-B', '-f', POM, ...goal], { timeout: MAVEN_MS })
    guardChild(maven.child)
    await maven
    if (!existsSync(folder)) renameSync(fetching, folder)
  } catch (cause) {
    const said = (cause as { stdout?: string }).stdout?.trim().split('\n').slice(0, 6).join('\n')
    throw new Error(`Maven could not fetch Kafka:\n${said || String(cause)}`, { cause })
  } finally {
    rmSync(fetching, { recursive: true, force: true })
  }
  return folder
}
