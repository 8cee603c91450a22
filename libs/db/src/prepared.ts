import { CompiledQuery, type Expression, type Kysely, type RawBuilder, sql } from 'kysely'
import type pg from 'pg'

const pools = new WeakMap<object, pg.Pool>()

/** Lets prepared queries find the connections of a database. */
export function allowPrepared(db: object, pool: pg.Pool): void {
  pools.set(db, pool)
}

/** What a query is made with: values, or what stands for them. */
export type Parts<V> = { [K in keyof V]: V[K] | Expression<V[K]> }

/**
 * A query for what is asked most: its text is written once, and the server parses and plans it once on each connection.
 * Planning a join of a few tables takes several times as long as finding ten rows.
 *
 * Its columns have to be named one by one. With `*` the server refuses it on every connection, once a migration has
 * added a column. In a transaction it is planned like any other.
 *
 * @param name a connection knows it by that, so no other query may have it
 * @param write is called once, with what stands for the values: it cannot look into them
 * @returns what runs it with values
 */
export function prepare<V extends object, R extends object>(
  name: string,
  write: (parts: Parts<V>) => RawBuilder<R>,
): <T>(db: Kysely<T>, values: V) => Promise<R[]> {
  let written: { text: string; parameters: readonly unknown[] } | undefined
  return async (db, values) => {
    if (!written) {
      const { sql: text, parameters } = write(placeholders as Parts<V>).compile(db)
      written = { text, parameters }
    }
    const { text, parameters } = written
    const bound = parameters.map((given) => (given instanceof Placeholder ? given.of(values) : given))
    // A transaction has one connection, which is Kysely's.
    if (db.isTransaction) return (await db.executeQuery<R>(CompiledQuery.raw(text, bound))).rows
    const pool = pools.get(db)
    if (!pool) throw new Error('The database was not opened by openDatabase().')
    return (await pool.query<R>({ name, text, values: bound })).rows
  }
}

class Placeholder {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  of(values: object): unknown {
    return (values as Record<string, unknown>)[this.#name]
  }
}

/** A placeholder for every name. */
const placeholders = new Proxy({}, { get: (_, name) => sql.val(new Placeholder(String(name))) })
