import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'

/** A kept number that is not what counting gives. */
export interface Drift {
  /** `TABLE.COLUMN` */
  counter: string
  /** Whose number it is. */
  id: string
  kept: number
  counted: number
}

interface Counter {
  table: 'post' | 'comment' | 'group_total' | 'user_total'
  key: 'id' | 'group_id' | 'user_id'
  column: string
  /** Which rows of the table have the number. */
  only: string
  /** Rows to be counted, as `key` once for each. */
  counted: string
}

const LIVE = 'deleted_at is null'

/** Every number that is kept, and what it is the number of. */
const COUNTERS: Counter[] = [
  { table: 'post', key: 'id', column: 'like_count', only: LIVE, counted: 'select post_id as key from post_like' },
  {
    table: 'post',
    key: 'id',
    column: 'comment_count',
    only: LIVE,
    counted: `select post_id as key from comment where ${LIVE}`,
  },
  {
    table: 'post',
    key: 'id',
    column: 'repost_count',
    only: LIVE,
    counted: `select original_post_id as key from post where original_post_id is not null and ${LIVE}`,
  },
  {
    table: 'comment',
    key: 'id',
    column: 'like_count',
    only: LIVE,
    counted: 'select comment_id as key from comment_like',
  },
  {
    table: 'comment',
    key: 'id',
    column: 'reply_count',
    only: LIVE,
    counted: `select parent_comment_id as key from comment where parent_comment_id is not null and ${LIVE}`,
  },
  ...(['published', 'suggested'] as const).map(
    (status): Counter => ({
      table: 'group_total',
      key: 'group_id',
      column: `${status}_count`,
      only: 'true',
      counted: `select group_id as key from post where group_id is not null and status = '${status}' and ${LIVE}`,
    }),
  ),
  {
    table: 'user_total',
    key: 'user_id',
    column: 'created_count',
    only: 'true',
    counted: `select author_id as key from post where group_id is null and original_post_id is null and ${LIVE}`,
  },
  {
    table: 'user_total',
    key: 'user_id',
    column: 'reposted_count',
    only: 'true',
    counted: `select author_id as key from post where original_post_id is not null and ${LIVE}`,
  },
]

/** Counts everything anew, in one view of the database, and tells where a kept number is another. Reads everything. */
export async function findDrift(db: Db): Promise<Drift[]> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      await sql`set local statement_timeout = 0`.execute(trx)
      const drifts: Drift[] = []
      for (const counter of COUNTERS) drifts.push(...(await driftOf(trx, counter)))
      return drifts
    })
}

async function driftOf(trx: Tx, { table, key, column, only, counted }: Counter): Promise<Drift[]> {
  const name = `${table}.${column}`
  // A total that has no row yet counts as nought; a post or a comment always has its row.
  const join = key === 'id' ? 'left join' : 'full join'
  const { rows } = await sql<Drift>`
    select ${name}::text as counter, coalesce(kept.id, counted.key) as id,
      coalesce(kept.kept, 0) as kept, coalesce(counted.counted, 0) as counted
    from (
      select ${sql.ref(key)} as id, ${sql.ref(column)} as kept from ${sql.table(table)} where ${sql.raw(only)}
    ) as kept
    ${sql.raw(join)} (select key, count(*) as counted from (${sql.raw(counted)}) as each group by key) as counted
      on counted.key = kept.id
    where coalesce(kept.kept, 0) <> coalesce(counted.counted, 0)
    order by id`.execute(trx)
  return rows
}

/** The names of the kept numbers, as `Drift` has them. */
export const COUNTER_NAMES = COUNTERS.map(({ table, column }) => `${table}.${column}`)

/** Sets a kept number to what counting gives now. */
export async function mendDrift(db: Db, drift: Pick<Drift, 'counter' | 'id'>): Promise<void> {
  await db.transaction().execute((trx) => recountOne(trx, drift))
}

/**
 * Counts one number anew. The row is locked first: who changes what is counted changes the row in the same transaction,
 * so a change is either counted or adds its difference afterwards.
 */
export async function recountOne(trx: Tx, { counter: name, id }: Pick<Drift, 'counter' | 'id'>): Promise<void> {
  const counter = COUNTERS.find(({ table, column }) => `${table}.${column}` === name)
  if (!counter) throw new Error(`There is no counter ${name}.`)
  const { table, key, column, counted } = counter
  if (key !== 'id') {
    await sql`insert into ${sql.table(table)} (${sql.ref(key)}) values (${id}) on conflict do nothing`.execute(trx)
  }
  await sql`select from ${sql.table(table)} where ${sql.ref(key)} = ${id} for no key update`.execute(trx)
  await sql`
    update ${sql.table(table)}
    set ${sql.ref(column)} = (select count(*) from (${sql.raw(counted)}) as each where key = ${id})
    where ${sql.ref(key)} = ${id}`.execute(trx)
}
