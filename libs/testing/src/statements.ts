import type { Database } from '@platform/db/database.ts'
import { sql, type Transaction } from 'kysely'

/** A step of a plan, as far as tests look at it. */
export interface PlanNode {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

/** A statement that was carried out, and the steps of its plan. */
export interface Explained {
  text: string
  steps: PlanNode[]
}

type Query = (text: string, values?: unknown[]) => Promise<{ rows: Record<string, { Plan: PlanNode }[]>[] }>

/**
 * Runs something in a transaction that is undone in the end, and explains each of its statements where it stands, just
 * before it is carried out.
 */
export async function explainAll<T>(
  { db, pool }: Database<T>,
  run: (trx: Transaction<T>) => Promise<unknown>,
): Promise<Explained[]> {
  const explained: Explained[] = []
  const undone = new Error('undone')
  const observe = (client: { query: unknown }) => {
    const query = (client.query as Query).bind(client)
    client.query = async (text: string, values?: unknown[]) => {
      if (/^\s*(select|insert|update|delete|with|execute)\b/i.test(text)) {
        await query('savepoint before')
        const { rows } = await query(`explain (analyze, format json) ${text}`, values)
        await query('rollback to savepoint before')
        explained.push({
          text: text.replaceAll(/\s+/g, ' ').trim(),
          steps: stepsOf(rows[0]?.['QUERY PLAN']?.[0]?.Plan),
        })
      }
      return query(text, values)
    }
    return () => {
      client.query = query
    }
  }
  let restore = () => {}
  const onAcquire = (client: { query: unknown }) => {
    restore = observe(client)
  }
  pool.once('acquire', onAcquire)
  try {
    await db.transaction().execute(async (trx) => {
      await run(trx)
      throw undone
    })
  } catch (error) {
    if (error !== undone) throw error
  } finally {
    restore()
  }
  return explained
}

function stepsOf(plan: PlanNode | undefined): PlanNode[] {
  return plan ? [plan, ...(plan.Plans ?? []).flatMap(stepsOf)] : []
}

/** The tables of a database that are too large to be read from end to end. */
export async function largeTables<T>({ db }: Database<T>): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind = 'r' and reltuples > 5000`.execute(db)
  return new Set(rows.map(({ name }) => name))
}

/** Scans of large tables from end to end. */
export function scansOf({ text, steps }: Explained, large: Set<string>): string[] {
  return steps
    .filter((step) => step['Node Type'] === 'Seq Scan' && large.has(step['Relation Name'] ?? ''))
    .map((step) => `${step['Relation Name']} by ${text}`)
}

/** How many rows a step read, over all of its loops. */
export const readBy = (step: PlanNode): number =>
  (step['Actual Rows'] + (step['Rows Removed by Filter'] ?? 0)) * step['Actual Loops']

/** The most rows that a step of a statement read from a table or an index. */
export const mostReadBy = ({ steps }: Explained): number =>
  Math.max(0, ...steps.filter((step) => step['Node Type'].endsWith('Scan')).map(readBy))
