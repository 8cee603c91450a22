import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@platform/local/ports.ts'
import type { StartedService } from './services.ts'

const ANSWER_MS = 3_000
const PULL_MS = 120_000

/** The images to run, the preferred one first: the first that is here is taken, else the first that can be had. */
export const POSTGRES_IMAGES = ['postgres:18', 'postgres:17']
export const KAFKA_IMAGES = ['apache/kafka:4.3.1']

/**
 * Why tests cannot use containers here, or undefined when a container engine answers. Costs nothing where there is
 * none. `TEST_CONTAINERS=never` says not to look.
 */
export async function containerObstacle(): Promise<string | undefined> {
  if (process.env.TEST_CONTAINERS === 'never') return 'TEST_CONTAINERS=never'
  const sockets = [
    '/var/run/docker.sock',
    ...['.docker/run', '.docker/desktop'].map((at) => join(homedir(), at, 'docker.sock')),
  ]
  if (!process.env.DOCKER_HOST && !sockets.some((socket) => existsSync(socket))) return 'no container engine'
  try {
    const { getContainerRuntimeClient } = await import('testcontainers')
    await within(ANSWER_MS, 'the container engine does not answer', getContainerRuntimeClient())
  } catch (error) {
    return reason(error)
  }
}

/** Starts PostgreSQL in a container. @throws Error when no image can be had */
export async function startPostgresContainer(): Promise<StartedService> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const password = 'container'
  const container = await new GenericContainer(await findImage(POSTGRES_IMAGES))
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=300'])
    .withExposedPorts(5432)
    // The image starts a first server to initialise, and a second one to stay.
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
  const address = `${container.getHost()}:${container.getMappedPort(5432)}`
  return {
    address: `postgres://postgres:${password}@${address}/postgres`,
    stop: async () => void (await container.stop()),
  }
}

/** Starts a single Kafka node in a container. @throws Error when no image can be had */
export async function startKafkaContainer(): Promise<StartedService> {
  const { GenericContainer, Wait } = await import('testcontainers')
  // Clients are told this address by the broker, so the port outside has to be known beforehand.
  const host = await freePort()
  const container = await new GenericContainer(await findImage(KAFKA_IMAGES))
    .withExposedPorts({ container: 9092, host })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${host}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    })
    .withWaitStrategy(Wait.forListeningPorts())
    .start()
  return { address: `localhost:${host}`, stop: async () => void (await container.stop()) }
}

/** The first of these that is on this machine, else the first, pulled. */
async function findImage(images: string[]): Promise<string> {
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers')
  const { image: store } = await getContainerRuntimeClient()
  for (const name of images) if (await store.exists(ImageName.fromString(name))) return name
  const [first = ''] = images
  await within(PULL_MS, `${first} could not be pulled in time`, store.pull(ImageName.fromString(first)))
  return first
}

async function within<T>(timeoutMs: number, complaint: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), timeoutMs)
  })
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer))
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}
