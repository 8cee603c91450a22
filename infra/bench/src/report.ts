import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '@platform/platform/paths.ts'

/** One line of a benchmark's table: what was measured, and the figures by their heading. */
export type Row = Record<string, string | number>

/** What was reached of a figure that is wanted. */
export interface Goal {
  what: string
  reached: number
  /** The least, or the most, that is good. */
  wanted: { atLeast: number } | { atMost: number }
}

/** The machine, for whoever compares figures. */
export function machine(): string {
  const [first] = cpus()
  return `${cpus().length} cores (${first?.model.trim()}, ${arch()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`
}

/** Prints a benchmark's table and goals, and keeps them as `infra/bench/results/NAME.json`. */
export function report(name: string, rows: Row[], goals: Goal[]): void {
  console.log(`\n${name}, on ${machine()}\n`)
  printTable(rows)
  for (const goal of goals) {
    const sign = 'atLeast' in goal.wanted ? `at least ${goal.wanted.atLeast}` : `at most ${goal.wanted.atMost}`
    console.log(`${isReached(goal) ? 'reached' : 'MISSED '}  ${goal.what}: ${goal.reached} (wanted: ${sign})`)
  }
  const folder = join(ROOT, 'infra/bench/results')
  mkdirSync(folder, { recursive: true })
  const result = { name, measuredAt: new Date().toISOString(), machine: machine(), rows, goals }
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
}

function isReached({ reached, wanted }: Goal): boolean {
  return 'atLeast' in wanted ? reached >= wanted.atLeast : reached <= wanted.atMost
}

function printTable(rows: Row[]): void {
  const headings = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [headings, ...rows.map((row) => headings.map((heading) => String(row[heading] ?? '')))]
  const widths = headings.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  const print = (line: string[]) => console.log(`| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`)
  print(headings)
  print(widths.map((width) => '-'.repeat(width)))
  for (const line of lines.slice(1)) print(line)
  console.log()
}

/** @param share between 0 and 1 */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
