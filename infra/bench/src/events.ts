import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaObstacle } from '@platform/local/kafka-jars.ts'
import { type Person, startIssuer } from '@platform/testing/issuer.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { type Goal, quantile, type Row, report } from './report.ts'
import { BENCH_ENV } from './requests.ts'
import { startBenchDatabase, startBenchKafka } from './surroundings.ts'

/**
 * How long it takes from the answer to a moderation transition until the content is redacted: 100 transitions a second
 * through the gateway, on each transport. The groups' table is looked at every few milliseconds, in one query for all
 * that is awaited, so that looking costs little.
 */

const GROUPS = 200
const PER_SECOND = 100
const SECONDS = 20
const LOOK_EVERY_MS = 4
// A Java machine that has just started is busy with itself for some seconds.
const WARM_UP = 500

interface Transition {
  id: string
  newStatus: string
}

/** A transition that was answered and has not shown yet. */
interface Awaited {
  groupId: string
  status: string
  answeredAt: number
}

async function measure(kafka?: { brokers: string; topicPrefix: string }): Promise<number[]> {
  const database = await startBenchDatabase()
  const issuer = await startIssuer()
  const processes = await startProcesses({
    database,
    kafka,
    env: { ...BENCH_ENV, gateway: { JWT_ISSUERS: issuer.setting, ...UNLIMITED } },
  })
  const watcher = new pg.Client({ connectionString: database.adminUrl })
  await watcher.connect()
  try {
    const moderator = issuer.person(processes.get('gateway').url, { roles: ['moderator'] })
    const groupIds = await createGroups(moderator)
    return await transitions(moderator, groupIds, watcher)
  } finally {
    await watcher.end()
    await processes.stop()
    await issuer.stop()
    await database.stop()
  }
}

const UNLIMITED = { RATE_LIMITS: 'off', KEY_ENCRYPTION_SECRET: randomBytes(32).toString('hex') }

async function createGroups(person: Person): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < GROUPS; i++) {
    const input = {
      name: 'n',
      description: 'd',
      shortName: `b_${randomBytes(8).toString('hex')}`,
      postRules: 'Everyone',
    }
    const { status, body } = await person.post<{ id: string }>('/groups', input)
    if (status !== 201) throw new Error(`A group could not be created: ${status} ${JSON.stringify(body)}`)
    ids.push(body.id)
  }
  return ids
}

async function transitions(moderator: Person, groupIds: string[], watcher: pg.Client): Promise<number[]> {
  const awaited = new Map<string, Awaited>()
  const latencies: number[] = []
  let isOver = false
  const watching = watch()

  async function watch(): Promise<void> {
    while (!isOver || awaited.size > 0) {
      if (awaited.size > 0) {
        const { rows } = await watcher.query<{ id: string; status: string }>({
          name: 'look',
          text: 'select id, moderation_status as status from groups."group" where id = any($1)',
          values: [[...awaited.keys()]],
        })
        const now = performance.now()
        for (const { id, status } of rows) {
          const wanted = awaited.get(id)
          if (wanted?.status !== status) continue
          // It may show before the answer has arrived here: then it took no time.
          latencies.push(Math.max(0, now - wanted.answeredAt))
          awaited.delete(id)
        }
      }
      await sleep(LOOK_EVERY_MS)
    }
  }

  const pending: Promise<void>[] = []
  const start = performance.now()
  for (let i = 0; i < PER_SECOND * SECONDS + WARM_UP; i++) {
    const due = start + (i * 1_000) / PER_SECOND
    await sleep(Math.max(0, due - performance.now()))
    const groupId = groupIds[i % groupIds.length]
    if (!groupId) continue
    const status = Math.floor(i / groupIds.length) % 2 === 0 ? 'flagged' : 'review'
    pending.push(
      moderator.post<Transition>(`/moderation/groups/${groupId}/transitions`, { status }).then((answer) => {
        if (answer.status !== 200)
          throw new Error(`A transition failed: ${answer.status} ${JSON.stringify(answer.body)}`)
        awaited.set(groupId, { groupId, status, answeredAt: performance.now() })
      }),
    )
  }
  await Promise.all(pending)
  isOver = true
  await watching
  return latencies.slice(WARM_UP)
}

const rows: Row[] = []
const goals: Goal[] = []

function add(transport: string, latencies: number[]): void {
  const ms = (share: number) => Number(quantile(latencies, share).toFixed(1))
  rows.push({ transport, transitions: latencies.length, 'p50 ms': ms(0.5), 'p99 ms': ms(0.99), 'max ms': ms(1) })
  goals.push({ what: `answered to redacted, p99 in ms, on ${transport}`, reached: ms(0.99), wanted: { atMost: 250 } })
}

add('the embedded log', await measure())
const obstacle = await kafkaObstacle()
if (obstacle === undefined) {
  const kafka = await startBenchKafka()
  add('Kafka', await measure({ brokers: kafka.brokers, topicPrefix: uniquePrefix() }))
  await kafka.stop()
} else {
  console.log(`Without Kafka: ${obstacle}.`)
}
report('events', rows, goals)
