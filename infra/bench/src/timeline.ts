import type { MomentsTables } from '@platform/moments/db/schema.ts'
import { filterValues, readFilter } from '@platform/moments/timeline/filter.ts'
import { pageQuery } from '@platform/moments/timeline/page-query.ts'
import { startProcesses, type TestProcesses } from '@platform/testing/processes.ts'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { fill, nth } from '../../../services/moments/test/large-database.ts'
import { compiler } from './compiler.ts'
import { load, sendAll } from './load.ts'
import { pgbench, requirePgbench, toPgbench } from './pgbench.ts'
import { type Goal, quantile, type Row, report } from './report.ts'
import { BENCH_ENV, sign } from './requests.ts'
import { busy, compared, type Pair, ROUNDS, ratioOf, SECONDS } from './rounds.ts'
import { startBenchDatabases } from './surroundings.ts'

/**
 * How the timeline slows down as moments grow: by more robots, since each has 2,500 moments. Its pages are read at 10,000
 * and 1,000,000 moments, in databases side by side; rounds alternate, and the medians of their 99th percentiles are
 * compared. Then a page of ten is read beside pgbench with the same statement, prepared, on the larger database.
 */

const MOMENTS_OF_ROBOT = 2_500
const SIZES = [10_000, 1_000_000]
const REQUESTS = 300
const SLOWEST = 1.5
/** Has two robots, and so 5,000 moments, 4,700 of which are listed. */
const READER = 1
const PGBENCH_CONNECTIONS = 10

const PAGES: Record<string, string> = {
  'timeline, page of 50': '/moments?limit=50',
  'ten minutes of local time': '/moments?filter[localTime]=17:00:00-17:10:00',
  'buckets by day': '/moments/buckets?by=day',
  changes: '/moments/changes?limit=50',
  'smart feed, first page': '/moments/smart?limit=50',
}

await requirePgbench()
const name = (size: number) => `moments_${size}`
const databases = await startBenchDatabases(SIZES.map(name))
const stages: { size: number; robots: number; processes: TestProcesses }[] = []
try {
  for (const size of SIZES) {
    const database = databases.get(name(size))
    const robots = size / MOMENTS_OF_ROBOT
    const pool = new pg.Pool({ connectionString: database.urlFor('moments'), max: 1 })
    const moments = new Kysely<MomentsTables>({ dialect: new PostgresDialect({ pool }) })
    await fill(moments, { robots, momentsOfRobot: MOMENTS_OF_ROBOT })
    await moments.destroy()
    stages.push({ size, robots, processes: await startProcesses({ database, names: ['moments'], env: BENCH_ENV }) })
  }
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const [page, path] of Object.entries(PAGES)) {
    const latencies = await measure(path)
    const p99 = (size: number) => quantile(latencies.get(size)?.map((round) => quantile(round, 0.99)) ?? [], 0.5)
    const [smallest = 0, largest = 0] = SIZES
    for (const size of SIZES) {
      rows.push({
        page,
        moments: size,
        'p50 ms': Number(quantile(latencies.get(size)?.flat() ?? [], 0.5).toFixed(2)),
        'p99 ms': Number(p99(size).toFixed(2)),
        'of the smallest': Number((p99(size) / p99(smallest)).toFixed(2)),
        'load of the machine': busy(),
      })
    }
    const reached = Number((p99(largest) / p99(smallest)).toFixed(2))
    goals.push({ what: `${page}, p99 at ${largest} of that at ${smallest}`, reached, wanted: { atMost: SLOWEST } })
  }
  const rounds = await besidePgbench()
  rows.push(...compared('pgbench, the statement of the page', 'moments, GET /moments?limit=10', rounds))
  goals.push({ what: 'requests/s of transactions/s', reached: ratioOf(rounds), wanted: { atLeast: 0.45 } })
  report('timeline', rows, goals)
} finally {
  for (const { processes } of stages) await processes.stop()
  await databases.stop()
}

/** Returns how long each request took, in ms, by size and round. The readers are all that have two robots. */
async function measure(path: string): Promise<Map<number, number[][]>> {
  const latencies = new Map<number, number[][]>(SIZES.map((size) => [size, []]))
  for (let round = -1; round < ROUNDS; round++) {
    // Each round begins with another size, so that none always follows the same.
    for (const { size, robots, processes } of round % 2 === 0 ? stages : stages.toReversed()) {
      const users = Array.from({ length: Math.floor((robots + 1) / 3) }, (_, user) => nth('user', 3 * user + READER))
      const readers = Array.from({ length: REQUESTS }, (_, request) => users[request % users.length] ?? '')
      const requests = readers.map((userId) => sign('GET', path, userId))
      const took = await sendAll(processes.get('moments').url, requests, 2)
      // The first is for connections, plans and caches.
      if (round >= 0) latencies.get(size)?.push(took)
    }
  }
  return latencies
}

async function besidePgbench(): Promise<Pair[]> {
  const [size = 0] = SIZES.slice(-1)
  const userId = nth('user', READER)
  const filter = readFilter({})
  const statement = pageQuery(
    { filter, mode: 'live' },
    {
      ...filterValues(filter, { userId, now: new Date() }),
      ...{ skipped: 0, limit: 11, afterTime: null, afterId: null, total: null, snapshot: null },
      ...{ robotIds: [], visibleFroms: [] },
    },
  ).compile(compiler())
  const parameters = statement.parameters.map((value) => (value instanceof Date ? value.toISOString() : value))
  const query = { url: databases.get(name(size)).urlFor('moments'), ...toPgbench({ sql: statement.sql, parameters }) }
  const options = { connections: PGBENCH_CONNECTIONS, seconds: SECONDS }
  const url = stages.find((stage) => stage.size === size)?.processes.get('moments').url ?? ''
  const ofService = () => load(url, [sign('GET', '/moments?limit=10', userId)], options)
  await ofService()
  await pgbench({ ...query, ...options, seconds: 1 })
  const rounds: Pair[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const base = await pgbench({ ...query, ...options })
    rounds.push({ base, ...(await ofService()) })
  }
  return rounds
}
