import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { robotMomentCaptured } from '@platform/contracts/robots.ts'
import { openDatabase } from '@platform/db/database.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import type { EventTransport, TransportMessage } from '@platform/events/transport.ts'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { type Goal, type Row, report } from './report.ts'
import { BENCH_ENV } from './requests.ts'
import { busy } from './rounds.ts'
import { startBenchDatabase, startBenchKafka } from './surroundings.ts'

/**
 * Captures of many robots through the topic `robots.moment`, on each transport: from the first send to the last moment
 * stored, with the moments' own events published meanwhile. Every tenth message is sent twice, half of those under another
 * id: afterwards there is one moment and one event for each capture, or the benchmark fails.
 */

const CAPTURES = Number(process.env.BENCH_CAPTURES ?? 40_000)
const WARM_UP = 2_000
const ROBOTS = 200
const SEND_AT_ONCE = 1_000
const LOOK_EVERY_MS = 50

type Kafka = { brokers: string; topicPrefix: string } | undefined

interface Measured {
  perSecond: number
  messages: number
}

function messageOf(robotUUID: string, sourceId: string, capturedAt: Date): TransportMessage {
  const event = {
    specversion: '1.0',
    id: randomUUID(),
    source: '/robots',
    type: robotMomentCaptured.type,
    subject: sourceId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    entityversion: 1,
    data: {
      robotUUID,
      sourceId,
      type: 'video',
      capturedAt: capturedAt.toISOString(),
      timeZone: 'Europe/Oslo',
      features: { faces: 1, motion: 0.5 },
      media: [
        { kind: 'video', uri: `https://robots.example/${sourceId}.mp4`, contentType: 'video/mp4', bytes: 2_000_000 },
        { kind: 'thumbnail', uri: `https://robots.example/${sourceId}.webp`, contentType: 'image/webp' },
      ],
    },
  }
  return { topic: robotMomentCaptured.topic, key: robotUUID, value: JSON.stringify(event) }
}

function* captures(count: number): Generator<TransportMessage> {
  const robots = Array.from({ length: ROBOTS }, () => randomUUID())
  for (let i = 0; i < count; i++) {
    const robot = robots[i % ROBOTS] ?? ''
    const args: [string, string, Date] = [robot, `capture-${i}`, new Date(Date.now() - i * 60_000)]
    const message = messageOf(...args)
    yield message
    if (i % 20 === 0) yield message
    if (i % 20 === 10) yield messageOf(...args)
  }
}

async function sendAll(transport: EventTransport, messages: TransportMessage[]): Promise<void> {
  for (let start = 0; start < messages.length; start += SEND_AT_ONCE) {
    await transport.send(messages.slice(start, start + SEND_AT_ONCE))
  }
}

async function countOf(client: pg.Client, table: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(`select count(*)::integer as count from ${table}`)
  return rows[0]?.count ?? 0
}

async function waitForCount(client: pg.Client, table: string, isReached: (count: number) => boolean): Promise<void> {
  while (!isReached(await countOf(client, table))) await sleep(LOOK_EVERY_MS)
}

async function measure(database: TestDatabase, kafka: Kafka): Promise<Measured> {
  const databaseUrl = database.urlFor('moments')
  const log = createLogger({ service: 'bench', level: 'silent', format: 'json' })
  const { pool, close } = openDatabase({ url: databaseUrl, applicationName: 'robots', log, poolSize: 2 })
  const settings = { KAFKA_BROKERS: kafka?.brokers, KAFKA_TOPIC_PREFIX: kafka?.topicPrefix }
  const transport = openTransport({ settings, clientId: 'robots', pool, databaseUrl, log, onFatal: console.error })
  await transport.ensureTopics([robotMomentCaptured.topic])
  const processes = await startProcesses({ database, kafka, names: ['moments'], env: BENCH_ENV })
  const client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
  try {
    await sendAll(transport, [...captures(WARM_UP)])
    await waitForCount(client, 'moments.moment', (count) => count >= WARM_UP)
    const messages = [...captures(CAPTURES)]
    const begun = performance.now()
    await Promise.all([
      sendAll(transport, messages),
      waitForCount(client, 'moments.moment', (count) => count >= WARM_UP + CAPTURES),
    ])
    const seconds = (performance.now() - begun) / 1_000
    await assertOnce(client, messages.length)
    return { perSecond: Math.round(CAPTURES / seconds), messages: messages.length }
  } finally {
    await client.end()
    await processes.stop()
    await transport.close()
    await close()
  }
}

/** @throws Error unless every capture has had exactly one effect, when all messages have been handled */
async function assertOnce(client: pg.Client, messages: number): Promise<void> {
  // A message that was sent twice under one id is noted once.
  const noted = messages - CAPTURES / 20 + WARM_UP + WARM_UP / 20
  await waitForCount(client, 'moments.inbox', (count) => count >= noted)
  await waitForCount(client, 'moments.outbox', (count) => count === 0)
  const { rows } = await client.query<Record<'moments' | 'media' | 'versions' | 'parked', number>>(`
    select (select count(*)::integer from moments.moment) as moments,
      (select count(*)::integer from moments.media) as media,
      (select sum(version)::integer from moments.moment) as versions,
      (select count(*)::integer from moments.parked_event) as parked`)
  const moments = CAPTURES + WARM_UP
  const wanted = { moments, media: 2 * moments, versions: moments, parked: 0 }
  if (JSON.stringify(rows[0]) !== JSON.stringify(wanted)) {
    throw new Error(`Not exactly once: ${JSON.stringify(rows[0])}, wanted ${JSON.stringify(wanted)}.`)
  }
}

const rows: Row[] = []
const goals: Goal[] = []

async function run(name: string, kafka: Kafka): Promise<void> {
  const database = await startBenchDatabase()
  const { perSecond, messages } = await measure(database, kafka)
  await database.stop()
  rows.push({
    transport: name,
    captures: CAPTURES,
    messages,
    'moments a second': perSecond,
    'load of the machine': busy(),
  })
  goals.push({
    what: `moments a second, once in effect, through ${name}`,
    reached: perSecond,
    wanted: { atLeast: 2_000 },
  })
}

const obstacle = await kafkaObstacle()
if (obstacle === undefined) {
  const kafka = await startBenchKafka()
  await run('Kafka', { brokers: kafka.brokers, topicPrefix: uniquePrefix() })
  await kafka.stop()
} else {
  console.log(`Without Kafka: ${obstacle}.`)
}
await run('the embedded log', undefined)
report('ingest', rows, goals)
