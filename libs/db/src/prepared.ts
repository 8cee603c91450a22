import type { Kysely, RawBuilder } from 'kysely'
import type pg from 'pg'

const pools = new WeakMap<object, pg.Pool>()

/** Lets `executePrepared` find the connections of a database. */
export function allowPrepared(db: object, pool: pg.Pool): void {
  pools.set(db, pool)
}

/**
 * Runs a query that the server parses and plans once on each connection, and not every time: for what is asked most.
 * Planning a join of a few tables takes several times as long as finding ten rows.
 *
 * Its columns have to be named one by one. With `*` the server refuses it on every connection, once a migration has
 * added a column.
 *
 * In a transaction it is planned like any other.
 *
 * @param name stands for one text: the same name with another text is an error
 */
export async function executePrepared<T, R extends object>(
  db: Kysely<T>,
  name: string,
  query: RawBuilder<R>,
): Promise<R[]> {
  // A transaction has one connection, which is Kysely's.
  if (db.isTransaction) return (await query.execute(db)).rows
  const pool = pools.get(db)
  if (!pool) throw new Error('The database was not opened by openDatabase().')
  const { sql: text, parameters: values } = query.compile(db)
  return (await pool.query<R>({ name, text, values: [...values] })).rows
}
