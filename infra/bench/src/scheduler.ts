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
 * graphile-worker runs twice: with its local queue on, which the goal is about, and with its ends in batches besides.
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

const LOCAL_QUEUE = { name: 'graphile-worker, local queue', task: 'send' }
const BATCHED = { name: 'graphile-worker, local queue, ends in batches', task: 'sendAndBatch' }

const pairs = (base: number[] = [], measured: number[] = []): Pair[] =>
  measured.map((perSecond, i) => ({ base: base[i] ?? Number.NaN, perSecond, p99Ms: Number.NaN }))

const database = await startBenchDatabase()
const client = new pg.Client({ connectionString: database.adminUrl })
await client.connect()
try {
  const { child: target, first: address } = await startChild<number, { port: number }>('target')
  const url = `http://127.0.0.1:${address.port}`
  const graphile = await Promise.all(
    [
      { TASK: LOCAL_QUEUE.task, BATCHED: '' },
      { TASK: BATCHED.task, BATCHED: '1' },
    ].map((env) =>
      startChild<never, string>('graphile', {
        DATABASE_URL: database.adminUrl,
        CONCURRENCY: String(CONCURRENCY),
        ...env,
      }),
    ),
  )
  const ours = await schedulerSide(client, url)
  const theirs = [LOCAL_QUEUE, BATCHED].map((way) => graphileSide(client, url, way))
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
      const sides = [...theirs, ours]
      // The two of theirs share a table.
      for (const side of [theirs[0], ours]) await side?.addWaiting(waiting)
      await client.query('checkpoint')
      for (const side of sides) await round(side, `warm${waiting}`, WARM_UP)
      const perSecond = new Map<Side, number[]>(sides.map((side) => [side, []]))
      for (let i = 0; i < ROUNDS; i++) {
        for (const side of sides) perSecond.get(side)?.push(await round(side, `r${waiting}x${i}`, JOBS))
        console.log(
          what,
          sides.map((side) => `${side.name} ${Math.round(perSecond.get(side)?.at(-1) ?? 0)}`).join(', '),
        )
      }
      for (const their of theirs) {
        const rounds = pairs(perSecond.get(their), perSecond.get(ours))
        for (const { 'p99 ms': _, ...row } of compared(their.name, ours.name, rounds)) rows.push({ what, ...row })
        if (their.name !== LOCAL_QUEUE.name) continue
        goals.push({ what: `${what}: jobs/s of ${their.name}'s`, reached: ratioOf(rounds), wanted: { atLeast: 1 } })
      }
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
    for (const { child } of graphile) await child.stop()
    await target.stop()
  }
  report('scheduler', rows, goals)
} finally {
  await client.end()
  await database.stop()
}
