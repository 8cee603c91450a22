import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from './surroundings.ts'

const run = promisify(execFile)

export interface PgbenchOptions {
  /** Of the login. */
  url: string
  /** Statements with `:name` for values. */
  script: string
  values?: Record<string, string>
  connections: number
  seconds: number
}

/**
 * Runs a script by `pgbench -M prepared`, from one thread, as a service's process has one.
 *
 * @returns transactions a second, without the time to connect
 * @throws Error where pgbench is not installed, or a transaction failed
 */
export async function pgbench({ url, script, values = {}, connections, seconds }: PgbenchOptions): Promise<number> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const file = join(temporaryFolder(), 'script.sql')
  writeFileSync(file, script)
  const flags = [
    ...['--protocol=prepared', '--no-vacuum', '--jobs=1', `--client=${connections}`, `--time=${seconds}`],
    ...Object.entries(values).map(([name, value]) => `--define=${name}=${value}`),
    ...[`--file=${file}`, `--host=${hostname}`, `--port=${port}`, `--username=${username}`, pathname.slice(1)],
  ]
  const { stdout } = await run('pgbench', flags, { env: { ...process.env, PGPASSWORD: decodeURIComponent(password) } })
  const perSecond = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
  if (!(perSecond > 0) || !/failed transactions: 0 /.test(stdout)) throw new Error(`pgbench failed:\n${stdout}`)
  return perSecond
}

/** Ends the benchmark with an explanation where there is no pgbench. */
export async function requirePgbench(): Promise<void> {
  try {
    await run('pgbench', ['--version'])
  } catch {
    console.error('This compares with pgbench, which is not in PATH: install the package of PostgreSQL that has it.')
    process.exit(2)
  }
}

/** A compiled query as pgbench takes it: `$1` becomes `:p1`, with its value. */
export function toPgbench(query: { sql: string; parameters: readonly unknown[] }): {
  script: string
  values: Record<string, string>
} {
  return {
    script: `${query.sql.replaceAll(/\$(\d+)/g, ':p$1').replaceAll(/\s+/g, ' ')};\n`,
    values: Object.fromEntries(query.parameters.map((value, index) => [`p${index + 1}`, String(value)])),
  }
}
