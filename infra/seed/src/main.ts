/**
 * `pnpm seed --posts 100000`: fills a migrated database with people, groups, posts, comments and likes;
 * `pnpm seed --robots 200 --moments 100000` with people, robots and moments.
 *
 * It goes to --url or DATABASE_URL (a login that may write in every schema), else into the embedded server of a
 * `pnpm start` that runs (DATA_FOLDER, `.data`).
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '@platform/platform/paths.ts'
import { findPostgres } from '@platform/start/find-postgres.ts'
import { seed } from './seed.ts'
import { completeSizes, SIZE_NAMES, type Sizes } from './sizes.ts'

const USAGE = `Usage: pnpm seed [--users N] [--groups N] [--posts N] [--comments N] [--likes N]
                 [--robots N] [--moments N] [--url ADMIN_DATABASE_URL]
Numbers that are left out are in proportion to the posts, which are 10000 by default. With --robots or --moments there are
only the posts that --posts asks for.`

function readSizes(values: Partial<Record<string, string | boolean>>): Sizes {
  const given: Partial<Sizes> = {}
  for (const name of SIZE_NAMES) {
    const value = values[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || !/^\d{1,8}$/.test(value)) throw new RangeError(`--${name} takes a number.`)
    given[name] = Number(value)
  }
  return completeSizes(given)
}

function findDatabase(url: string | undefined): string {
  const found =
    url ?? process.env.DATABASE_URL ?? findPostgres(join(process.env.DATA_FOLDER || join(ROOT, '.data'), 'postgres'))
  if (!found) throw new Error('There is no database: give --url or DATABASE_URL, or run `pnpm start` beside this.')
  return found
}

try {
  const options = Object.fromEntries([...SIZE_NAMES, 'url'].map((name) => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ options })
  const sizes = readSizes(values)
  const url = findDatabase(typeof values.url === 'string' ? values.url : undefined)
  const begun = performance.now()
  await seed(url, sizes, (what, rows, seconds) => {
    console.log(`${seconds.toFixed(1).padStart(6)} s  ${String(rows).padStart(8)}  ${what}`)
  })
  console.log(`${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s  in all`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) console.error(USAGE)
  process.exitCode = 1
}
