import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { Kysely } from 'kysely'
import { dropParked, listParked, replayAllParked, replayParked, showParked } from './parked.ts'
import { republish, type Snapshot } from './republish.ts'
import type { EventTables } from './tables.ts'

const USAGE = `Usage, with DATABASE_URL being the service's own:
  events parked list [--service NAME] [--topic TOPIC] [--limit N]
  events parked show ID
  events parked replay ID [--accept-gap]     tries the message's key again, from its first message on
  events parked replay --all --service NAME
  events parked drop ID                      gives the message up; those behind it go on
  events republish TOPIC [--service NAME]    tells the present state of a topic's entities again
`

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** A wrong call, for which the usage is the answer. */
class UsageError extends Error {}

interface Flags {
  service?: string
  topic?: string
  limit?: string
  all?: boolean
  'accept-gap'?: boolean
}

type Db = Kysely<EventTables>
const print = (text: string): void => void process.stdout.write(`${text}\n`)

async function run(db: Db, [command, ...words]: string[], flags: Flags): Promise<void> {
  if (command === 'republish') return runRepublish(db, words[0], flags.service)
  if (command !== 'parked') throw new UsageError()
  const [action, id] = words
  if (action === 'list') return runList(db, flags)
  if (action === 'replay' && flags.all) {
    if (!flags.service) throw new UsageError('--all needs --service.')
    return print(`${await replayAllParked(db, flags.service)} messages will be tried again.`)
  }
  if (!/^\d+$/.test(id ?? '')) throw new UsageError('An id is missing: see `events parked list`.')
  if (action === 'show') return runShow(db, Number(id))
  if (action === 'replay') {
    const isFound = await replayParked(db, Number(id), { acceptGap: flags['accept-gap'] })
    return report(isFound, id, 'and its key will be tried again in a moment')
  }
  if (action === 'drop') return report(await dropParked(db, Number(id)), id, 'was dropped; those behind it go on')
  throw new UsageError()
}

async function runList(db: Db, { service, topic, limit }: Flags): Promise<void> {
  const parked = await listParked(db, {
    consumer: service,
    topic,
    limit: limit === undefined ? undefined : Number(limit),
  })
  for (const { id, consumer, topic, key, reason, attempts, parkedAt, eventType, error, isReplayRequested } of parked) {
    const what = [id, consumer, topic, key, eventType ?? '-', reason, `${attempts} attempts`, parkedAt.toISOString()]
    print([...what, ...(isReplayRequested ? ['replay requested'] : []), error ?? ''].join('  '))
  }
  print(`${parked.length} parked.`)
}

async function runShow(db: Db, id: number): Promise<void> {
  const parked = await showParked(db, id)
  if (!parked) return report(false, String(id), '')
  print(JSON.stringify(parked, undefined, 2))
}

function report(isFound: boolean, id: string | undefined, done: string): void {
  if (!isFound) throw new Error(`Nothing is parked under the id ${id}.`)
  print(`${id} ${done}.`)
}

/** Snapshots stand beside the service's other code: only it knows its tables. */
async function runRepublish(db: Db, topic: string | undefined, service = topic?.split('.')[0]): Promise<void> {
  if (!topic || !service || !/^[a-z-]+$/.test(service)) throw new UsageError('A topic is missing.')
  const file = resolve(ROOT, service === 'gateway' ? service : `services/${service}`, 'src/snapshots.ts')
  const { snapshots }: { snapshots: Snapshot<EventTables>[] } = await import(pathToFileURL(file).href)
  const snapshot = snapshots.find((candidate) => candidate.topic === topic)
  if (!snapshot) throw new Error(`${file} has no snapshot of ${topic}.`)
  const published = await republish(db, snapshot, { at: () => new Date() })
  print(`${published} states of ${topic} are published again.`)
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      service: { type: 'string' },
      topic: { type: 'string' },
      limit: { type: 'string' },
      all: { type: 'boolean' },
      'accept-gap': { type: 'boolean' },
    },
  })
  const url = process.env.DATABASE_URL
  if (!url) throw new UsageError('DATABASE_URL is missing.')
  const log = createLogger({ service: 'events', level: 'warn', format: 'pretty' })
  const database = openDatabase<EventTables>({ url, applicationName: 'events command', log, poolSize: 1 })
  try {
    await run(database.db, positionals, values)
  } finally {
    await database.close()
  }
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${isUsage ? `\n${USAGE}` : ''}`)
  process.exitCode = 1
})
