import { parseArgs } from 'node:util'
import { type Goal, type Row, report } from './report.ts'
import { BASELINES, newestFirst } from './smart/baselines.ts'
import { meanOfSeeds } from './smart/ndcg.ts'
import { ours } from './smart/ours.ts'
import { type DailyNdcg, gatherAudience, type Ranker, replay } from './smart/replay.ts'
import { SEEDS, WORLDS, type World } from './smart/worlds.ts'

/**
 * How well the smart feed guesses what users like: the model and the baselines rank the same moments for the same simulated
 * users, in several worlds. NDCG@10 is 1 when no order of the candidates is better; the captured share says how much of
 * the way from the newest first to the oracle a ranker goes.
 *
 * `node infra/bench/src/smart.ts base 'weak taste'` runs these worlds alone, and writes no result.
 */

const { positionals } = parseArgs({ allowPositionals: true })
const CHOSEN = positionals.length > 0 ? WORLDS.filter(({ name }) => positionals.includes(name)) : WORLDS
const RANKERS: { name: string; rank: Ranker }[] = [{ name: 'ours', rank: ours }, ...BASELINES]
const RECOVERS_WITHIN_DAYS = 7

/** NDCG@10 by ranker, seed and day. */
type Measured = Map<string, DailyNdcg[]>

const rows: Row[] = []
const measuredByWorld = new Map<string, Measured>()
for (const world of CHOSEN) {
  const measured = measure(world)
  measuredByWorld.set(world.name, measured)
  rows.push(...rowsOf(world, measured))
  console.log(`${world.name} after ${Math.round(performance.now() / 1_000)} s`)
}
if (CHOSEN.length === WORLDS.length) report('smart', rows, goals())
else console.table(rows)

function measure(world: World): Measured {
  const measured: Measured = new Map(RANKERS.map(({ name }) => [name, []]))
  for (const seed of SEEDS) {
    const audience = gatherAudience(world, seed, newestFirst)
    for (const { name, rank } of RANKERS) measured.get(name)?.push(replay(audience, rank))
  }
  return measured
}

/** Returns the mean NDCG@10 of each seed, over the days that count. */
function seedMeans(world: World, ranker: string): number[] {
  const bySeed = measuredByWorld.get(world.name)?.get(ranker) ?? []
  return bySeed.map((days) => mean(days.slice(world.measuredFrom - 1)))
}

function rowsOf(world: World, measured: Measured): Row[] {
  const of = (ranker: string) => seedMeans(world, ranker)
  const [newest, oracle] = [of('newest first'), of('oracle')]
  return [...measured.keys()].map((ranker) => {
    const means = of(ranker)
    const ndcg = meanOfSeeds(means)
    const share = meanOfSeeds(
      means.map((value, i) => (value - (newest[i] ?? 0)) / ((oracle[i] ?? 0) - (newest[i] ?? 0))),
    )
    return {
      world: world.name,
      ranker,
      'NDCG@10': ndcg.mean.toFixed(3),
      '95 % interval': `± ${ndcg.halfWidth.toFixed(3)}`,
      'captured share': share.mean.toFixed(3),
      'its 95 % interval': `± ${share.halfWidth.toFixed(3)}`,
    }
  })
}

function goals(): Goal[] {
  const of = (world: string, ranker: string) => {
    const found = WORLDS.find(({ name }) => name === world)
    return found ? mean(seedMeans(found, ranker)) : Number.NaN
  }
  const base = (ranker: string) => of('base', ranker)
  const share = (base('ours') - base('newest first')) / (base('oracle') - base('newest first'))
  const ofNewest = (world: string) => of(world, 'ours') / of(world, 'newest first')
  return [
    { what: 'base: captured share', reached: rounded(share), wanted: { atLeast: 0.35 } },
    {
      what: 'base: NDCG@10 above smoothed counts',
      reached: rounded(base('ours') - base('smoothed counts')),
      wanted: { atLeast: 0.03 },
    },
    {
      what: 'base: NDCG@10 above smoothed counts with age',
      reached: rounded(base('ours') - base('smoothed counts with age')),
      wanted: { atLeast: 0.03 },
    },
    { what: 'weak taste: of newest first', reached: rounded(ofNewest('weak taste')), wanted: { atLeast: 0.98 } },
    { what: 'first week: of newest first', reached: rounded(ofNewest('first week')), wanted: { atLeast: 0.98 } },
    {
      what: 'taste flips: days until as good as newest first again',
      reached: daysToRecover(),
      wanted: { atMost: RECOVERS_WITHIN_DAYS },
    },
  ]
}

/** Returns the days from the flip to the first three days running whose mean is at least that of newest first. */
function daysToRecover(): number {
  const flip = WORLDS.find(({ flipsOnDay }) => flipsOnDay !== undefined)
  const measured = measuredByWorld.get(flip?.name ?? '')
  if (flip?.flipsOnDay === undefined || !measured) return Number.NaN
  const { flipsOnDay, days } = flip
  const after = (ranker: string) =>
    Array.from({ length: days - flipsOnDay }, (_, i) =>
      mean((measured.get(ranker) ?? []).map((ofSeed) => ofSeed[flipsOnDay + i] ?? 0)),
    )
  const [ofOurs, ofNewest] = [after('ours'), after('newest first')]
  console.log('NDCG@10 by day after the flip (ours, newest first):')
  for (const [i, ndcg] of ofOurs.entries()) console.log(`  ${i}: ${ndcg.toFixed(3)}  ${ofNewest[i]?.toFixed(3)}`)
  const recovered = ofOurs.findIndex((_, i) => mean(ofOurs.slice(i, i + 3)) >= mean(ofNewest.slice(i, i + 3)))
  return recovered === -1 ? Number.POSITIVE_INFINITY : recovered
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function rounded(value: number): number {
  return Number(value.toFixed(3))
}
