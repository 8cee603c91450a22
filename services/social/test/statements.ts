import type { Database } from '@platform/db/database.ts'
import type { SocialTables, Tx } from '../src/db/schema.ts'

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
export async function explainAll(
  { db, pool }: Database<SocialTables>,
  run: (trx: Tx) => Promise<unknown>,
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
