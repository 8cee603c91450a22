import { loadavg } from 'node:os'
import type { Round } from './load.ts'
import { quantile, type Row } from './report.ts'

/** How many rounds, and how long each side of one is measured; fewer and shorter ones for a quick look. */
export const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
export const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)

/** One round: what it is measured against, and right after it what is measured. */
export interface Pair {
  /** Per second. */
  base: number
  perSecond: number
  p99Ms: number
}

/**
 * Measures two ways in turn, `ROUNDS` times, after each has warmed up.
 *
 * @param base what is measured against; resolves to its number per second
 * @returns the rounds, and how many answers the measured way gave, those of the warm-up among them
 */
export async function alternate(
  base: (seconds: number) => Promise<number>,
  measured: (seconds: number) => Promise<Round>,
): Promise<{ rounds: Pair[]; answers: number }> {
  let { answers } = await measured(SECONDS)
  await base(1)
  const rounds: Pair[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const perSecond = await base(SECONDS)
    const after = await measured(SECONDS)
    answers += after.answers
    rounds.push({ base: perSecond, ...after })
  }
  return { rounds, answers }
}

const median = (values: number[]) => quantile(values, 0.5)

/** The median of the rounds' own ratios: what else the machine does falls on both sides of a round alike. */
export function ratioOf(rounds: Pair[]): number {
  return Number(median(rounds.map(({ base, perSecond }) => perSecond / base)).toFixed(2))
}

/** Both ways as a table, with the medians; and how busy the machine was, since other work may have run beside it. */
export function compared(base: string, measured: string, rounds: Pair[]): Row[] {
  return [
    { way: base, 'per second': Math.round(median(rounds.map((round) => round.base))) },
    {
      way: measured,
      'per second': Math.round(median(rounds.map(({ perSecond }) => perSecond))),
      'of the first': ratioOf(rounds),
      lowest: Number(Math.min(...rounds.map((round) => round.perSecond / round.base)).toFixed(2)),
      highest: Number(Math.max(...rounds.map((round) => round.perSecond / round.base)).toFixed(2)),
      'p99 ms': Number(median(rounds.map(({ p99Ms }) => p99Ms)).toFixed(1)),
      'load of the machine': busy(),
    },
  ]
}

/** How many processes wanted a core in the last minute, on average. */
export const busy = (): number => Number((loadavg()[0] ?? Number.NaN).toFixed(1))
