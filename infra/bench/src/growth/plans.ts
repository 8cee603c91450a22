import { readFile } from 'node:fs/promises'
import type pg from 'pg'

/** A statement that scanned a table from end to end. */
export interface Scan {
  statement: string
  plan: string
}

/**
 * Has the server write the plan of each statement of these roles into its log, on connections that open from now on.
 *
 * @returns what takes that back
 */
export async function explainAll(client: pg.Client, roles: string[]): Promise<() => Promise<void>> {
  const settings = { session_preload_libraries: 'auto_explain', 'auto_explain.log_min_duration': '0' }
  await client.query(`load 'auto_explain'`)
  for (const role of roles) {
    for (const [name, value] of Object.entries(settings))
      await client.query(`alter role ${role} set ${name} = '${value}'`)
  }
  return async () => {
    for (const role of roles) {
      for (const name of Object.keys(settings)) await client.query(`alter role ${role} reset ${name}`)
    }
  }
}

/** The plans in a server's log that scan a table with more rows than `rows` from end to end; each statement once. */
export async function findScans(log: string, client: pg.Client, rows: number): Promise<Scan[]> {
  const { rows: large } = await client.query<{ name: string }>(
    'select relname as name from pg_class where relkind = $1 and reltuples > $2',
    ['r', rows],
  )
  const isLarge = new Set(large.map(({ name }) => name))
  const scans = new Map<string, Scan>()
  for (const { statement, plan } of readPlans(await readFile(log, 'utf8'))) {
    const scanned = [...plan.matchAll(/Seq Scan on "?(\w+)"?/g)].map(([, table]) => table)
    if (scanned.some((table) => table !== undefined && isLarge.has(table))) scans.set(statement, { statement, plan })
  }
  return [...scans.values()]
}

/** Entries look like `… plan:`, then lines that begin with a tab: the statement, and below it the plan. */
function* readPlans(text: string): Generator<Scan> {
  for (const entry of text.split(/^(?!\t)/m)) {
    const [, statement, plan] = /plan:\n\tQuery Text: ([\s\S]*?)\n(\t[^\n]*\(cost=[\s\S]*)/.exec(entry) ?? []
    if (statement !== undefined && plan !== undefined) yield { statement: statement.replaceAll(/\s+/g, ' '), plan }
  }
}
