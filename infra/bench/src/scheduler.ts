import { setTimeout as sleep } from 'node:timers/promises'
import { startProcesses } from '@platform/testing/processes.ts'
import pg from 'pg'
import { type Goal, type Row, report } from './report.ts'
import { BENCH_ENV } from './requests.ts'
import { busy, compared, type Pair, ratioOf } from './rounds.ts'
import { startChild } from './scheduler/child.ts'
import { latenessOf } from './scheduler/lateness.ts'
import { graphileSide, type Side, schedulerSide } from './scheduler/sides.ts'
import { startBenchDatabase } from './surroundings.ts'

/**
 * How many due jobs the scheduler sends and writes down in a second, beside graphile-worker with a task that makes the
 * same requests, to the same target, with as many under way at a time, on the same database; and how late it is at 200
 * jobs a second. Each with 10,000 jobs waiting for later, and with 1,000,000. Rounds alternate, and a round's clock runs
 * from the first request at the target until the last job is done in the database.
 *
 * `pnpm bench:scheduler 10000` measures with so many waiting only.
 */

const SIZES = process.argv.slice(2).map(Number)
const WAITING = SIZES.length > 0 ? SIZES : [10_000, 1_000_000]
const ROUNDS = 7
const JOBS = 6_000
const WARM_UP = 3_000
/** Under way at a time. */
const CONCURRENCY = 64
const LATENESS_SECONDS = 30
const LATENESS_PER_SECOND = 200

const database = await startBenchDatabase()
const client = new pg.Client({ connectionString: database.adminUrl })
await client.connect()
try {
  const { child: target, first: address } = await startChild<number, { port: number }>('target')
  const url = `http://127.0.0.1:${address.port}`
  const { child: graphile } = await startChild<never, string>('graphile', {
    DATABASE_URL: database.adminUrl,
    CONCURRENCY: String(CONCURRENCY),
  })
  const ours = await schedulerSide(client, url)
  const theirs = await graphileSide(client, url)
  const scheduler = { ALLOWED_INNER_TARGETS: '127.0.0.0/8', HOST_CONCURRENCY: String(CONCURRENCY) }
  const processes = await startProcesses({ database, names: ['scheduler'], env: { ...BENCH_ENV, scheduler } })

  /** @returns jobs a second */
  const round = async (side: Side, name: string, jobs: number): Promise<number> => {
    target.send(jobs)
    await side.addDue(name, jobs)
    const { firstAt } = await target.next<{ firstAt: number }>()
    while (!(await side.isDone(name))) await sleep(2)
    const endedAt = performance.timeOrigin + performance.now()
    while (!(await side.isQuiet())) await sleep(10)
    return (jobs * 1_000) / (endedAt - firstAt)
  }

  const rows: Row[] = []
  const goals: Goal[] = []
  try {
    for (const waiting of WAITING) {
      const what = `${waiting.toLocaleString('en')} waiting`
      await ours.addWaiting(waiting)
      await theirs.addWaiting(waiting)
      await client.query('checkpoint')
      for (const side of [theirs, ours]) await round(side, `warm${waiting}`, WARM_UP)
      const rounds: Pair[] = []
      for (let i = 0; i < ROUNDS; i++) {
        const base = await round(theirs, `r${waiting}x${i}`, JOBS)
        const perSecond = await round(ours, `r${waiting}x${i}`, JOBS)
        rounds.push({ base, perSecond, p99Ms: Number.NaN })
        console.log(`${what}: graphile-worker ${Math.round(base)}, scheduler ${Math.round(perSecond)} jobs/s`)
      }
      for (const { 'p99 ms': _, ...row } of compared(theirs.name, ours.name, rounds)) rows.push({ what, ...row })
      goals.push({ what: `${what}: jobs/s of graphile-worker's`, reached: ratioOf(rounds), wanted: { atLeast: 1 } })
      const late = await latenessOf(client, url, { perSecond: LATENESS_PER_SECOND, seconds: LATENESS_SECONDS })
      rows.push({
        what: `${what}, ${LATENESS_PER_SECOND} jobs/s`,
        way: 'scheduler',
        'late p50 ms': late.p50Ms,
        'late p99 ms': late.p99Ms,
        'load of the machine': busy(),
      })
      goals.push({ what: `${what}: lateness p99 ms`, reached: late.p99Ms, wanted: { atMost: 50 } })
    }
  } finally {
    await processes.stop()
    await graphile.stop()
    await target.stop()
  }
  report('scheduler', rows, goals)
} finally {
  await client.end()
  await database.stop()
}
