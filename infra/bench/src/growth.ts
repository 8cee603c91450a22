import { parseArgs } from 'node:util'
import { seed } from '@platform/seed/seed.ts'
import { completeSizes } from '@platform/seed/sizes.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { startProcesses, type TestProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { PAGES, type Page } from './growth/pages.ts'
import { explainAll, findScans } from './growth/plans.ts'
import { sendAll } from './load.ts'
import { type Goal, quantile, type Row, report } from './report.ts'
import { BENCH_ENV, sign } from './requests.ts'
import { busy } from './rounds.ts'
import { startBenchDatabases } from './surroundings.ts'

/**
 * How pages slow down as tables grow: each is read at 10,000, 100,000 and 1,000,000 rows of its table, in databases side
 * by side, of random groups and posts. Rounds alternate between the sizes; the medians of their 99th percentiles are
 * compared. Then every statement of a read is explained on the largest: none may scan a large table from end to end.
 *
 * `node infra/bench/src/growth.ts 10000 100000` takes other sizes, `--pages 'groups by'` the pages that are called so; for
 * those of groups alone no posts are made.
 */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { pages: { type: 'string', default: '' } },
})
const SIZES = positionals.length > 0 ? positionals.map(Number) : [10_000, 100_000, 1_000_000]
const CHOSEN = PAGES.filter(({ name }) => name.includes(options.pages))
const PROCESSES = [...new Set(CHOSEN.map((page) => page.process))]
const ROUNDS = 9
const REQUESTS = 300
const CONNECTIONS = 2
const TOO_LARGE_TO_SCAN = 5_000
const SLOWEST = 1.5

interface Stage {
  size: number
  database: TestDatabase
  processes: TestProcesses
  client: pg.Client
}

const name = (size: number) => `rows_${size}`
const databases = await startBenchDatabases(SIZES.map(name))
const stages: Stage[] = []
try {
  for (const size of SIZES) {
    const database = databases.get(name(size))
    const begun = performance.now()
    // A second helping of groups: with as many groups as posts, each would have but one.
    if (PROCESSES.includes('social')) await seed(database.adminUrl, completeSizes({ posts: size, likes: size }))
    await seed(database.adminUrl, completeSizes({ users: size / 10, groups: size, posts: 0 }))
    console.log(`${size} rows of each table in ${((performance.now() - begun) / 1_000).toFixed(0)} s`)
    const processes = await startProcesses({ database, names: PROCESSES, env: BENCH_ENV })
    const client = new pg.Client({ connectionString: database.adminUrl })
    await client.connect()
    stages.push({ size, database, processes, client })
  }
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const page of CHOSEN) {
    const latencies = await measure(page)
    const p99 = (size: number) => quantile(latencies.get(size)?.map((round) => quantile(round, 0.99)) ?? [], 0.5)
    const [smallest = 0] = SIZES
    const largest = Math.max(...SIZES)
    for (const size of SIZES) {
      rows.push({
        page: page.name,
        rows: size,
        'p50 ms': Number(quantile(latencies.get(size)?.flat() ?? [], 0.5).toFixed(2)),
        'p99 ms': Number(p99(size).toFixed(2)),
        'of the smallest': Number((p99(size) / p99(smallest)).toFixed(2)),
        'load of the machine': busy(),
      })
    }
    if (page.isWithoutGoal) continue
    const reached = Number((p99(largest) / p99(smallest)).toFixed(2))
    goals.push({ what: `${page.name}, p99 at ${largest} of that at ${smallest}`, reached, wanted: { atMost: SLOWEST } })
  }
  const largest = stages.at(-1)
  const scans = largest ? await scansOf(largest) : []
  for (const { statement, plan } of scans) console.log(`\nA large table is scanned by\n${statement}\n${plan}`)
  goals.push({ what: 'statements that scan a large table', reached: scans.length, wanted: { atMost: 0 } })
  report('growth', rows, goals)
} finally {
  for (const { processes, client } of stages) {
    await client.end()
    await processes.stop()
  }
  await databases.stop()
}

/** @returns how long each request took, in ms, by round and size */
async function measure(page: Page): Promise<Map<number, number[][]>> {
  const latencies = new Map<number, number[][]>(SIZES.map((size) => [size, []]))
  for (let round = -1; round < ROUNDS; round++) {
    // Each round begins with another size, so that none always follows the same.
    for (const at of SIZES.map((_, index) => (index + round + 1) % SIZES.length)) {
      const stage = stages[at]
      if (!stage) continue
      const took = await readPages(page, stage)
      // The first is for connections, plans and caches.
      if (round >= 0) latencies.get(stage.size)?.push(took)
    }
  }
  return latencies
}

async function readPages(page: Page, { processes, client }: Stage, count = REQUESTS): Promise<number[]> {
  const asked = await page.choose(client, count)
  const requests = asked.map(({ path, userId }) => sign('GET', path, userId))
  return sendAll(processes.get(page.process).url, requests, CONNECTIONS)
}

async function scansOf({ size, database, client }: Stage) {
  const unexplain = await explainAll(client, PROCESSES)
  // Connections that are open already don't explain.
  const processes = await startProcesses({ database, names: PROCESSES, env: BENCH_ENV })
  try {
    for (const page of CHOSEN) await readPages(page, { size, database, processes, client }, 40)
  } finally {
    await processes.stop()
    await unexplain()
  }
  return findScans(databases.log, client, TOO_LARGE_TO_SCAN)
}
