import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { guardChild } from './guard.ts'
import { javaProgram, kafkaJars, kafkaObstacle } from './kafka-jars.ts'
import { freePort } from './ports.ts'
import { endChild, type Running, whenEnded } from './running.ts'
import { waitFor } from './wait.ts'

/** A Kafka node that runs as a child of this process. */
export interface LocalKafka extends Running {
  /** `127.0.0.1:PORT`, as KAFKA_BROKERS takes it. */
  brokers: string
  port: number
  /** As `kill -9`: for tests of a crash. */
  kill(): Promise<void>
}

export interface KafkaOptions {
  /** For the data, settings and log; made when it is missing, kept afterwards. */
  folder: string
  /** Default: any free one. A node that is to be found again by its clients needs the port it had. */
  port?: number
  /** Settings that are added to the node's own, or replace them. */
  settings?: Record<string, string>
}

const READY_MS = 60_000
const STOP_MS = 15_000
const PROBE_TOPIC = 'platform-probe'

/**
 * Starts a single Kafka node (KRaft, broker and controller in one) in `folder`, from Maven's artifacts. Resolves when
 * a topic could be created and has its leader.
 *
 * @throws Error when there is no JDK or Maven, or with the node's last lines when it does not come up
 */
export async function startKafka({ folder, port, settings = {} }: KafkaOptions): Promise<LocalKafka> {
  const obstacle = await kafkaObstacle()
  if (obstacle) throw new Error(`Kafka cannot run here: ${obstacle}.`)
  const classPath = ['-cp', join(await kafkaJars(), '*')]
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  const chosen = port ?? (await freePort())
  const file = join(folder, 'server.properties')
  const own = settingsFor({ port: chosen, controllerPort: await freePort(), data })
  writeFileSync(file, asProperties({ ...own, ...settings }))
  if (!existsSync(join(data, 'meta.properties'))) {
    const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]
    const formatting = promisify(execFile)(javaProgram(), [...classPath, ...format])
    guardChild(formatting.child)
    await formatting
  }
  const log = join(folder, 'kafka.log')
  const output = openSync(log, 'w')
  const memory = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const child = spawn(
    javaProgram(),
    [...memory, ...classPath, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', 'kafka.Kafka', file],
    { cwd: folder, detached: true, stdio: ['ignore', output, output] },
  )
  closeSync(output)
  guardChild(child)
  let isRunning = true
  const ended = whenEnded(child)
  void ended.then(() => {
    isRunning = false
  })
  const brokers = `127.0.0.1:${chosen}`
  try {
    await waitUntilReady(brokers, () => !isRunning)
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`Kafka did not start:\n${readFileSync(log, 'utf8').split('\n').slice(-12).join('\n')}`, { cause })
  }
  return {
    brokers,
    port: chosen,
    pid: child.pid ?? 0,
    ended,
    stop: () => endChild(child, ended, { signal: 'SIGTERM', graceMs: STOP_MS }),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Resolves when the brokers can create a topic and name its leader; accepting connections comes a moment earlier. */
export async function waitUntilReady(brokers: string, hasEnded: () => boolean = () => false): Promise<void> {
  const kafka = new Kafka({
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
  })
  const look = async () => {
    if (hasEnded()) return false
    const admin = kafka.admin()
    try {
      await admin.connect()
      await admin.createTopics({ topics: [{ topic: PROBE_TOPIC, numPartitions: 1 }], waitForLeaders: true })
      const { topics } = await admin.fetchTopicMetadata({ topics: [PROBE_TOPIC] })
      return topics[0]?.partitions.every(({ leader }) => leader >= 0) ? true : undefined
    } finally {
      await admin.disconnect()
    }
  }
  const isReady = await waitFor('Kafka is not ready', look, { timeoutMs: READY_MS, everyMs: 100 })
  if (!isReady) throw new Error('Kafka ended while it was starting.')
}

interface Places {
  port: number
  controllerPort: number
  data: string
}

function settingsFor({ port, controllerPort, data }: Places): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    // With one node, a factor of three would leave groups without a coordinator for ever.
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // After a kill -9 the dead node's registration has to lapse before the node can register again.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
  }
}

const asProperties = (settings: Record<string, string>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
