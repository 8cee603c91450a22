import { CompiledQuery, type Expression, type Kysely, type RawBuilder, sql } from 'kysely'
import type pg from 'pg'
import type { Pipelines } from './pipelines.ts'

/** What prepared queries go over. */
interface Connections {
  pool: pg.Pool
  pipelines: Pipelines
}

const connectionsOf = new WeakMap<object, Connections>()

/** Lets prepared queries find the connections of a database. */
export function allowPrepared(db: object, connections: Connections): void {
  connectionsOf.set(db, connections)
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
 */
export function prepare<V extends object, R extends object>(
  name: string,
  write: (parts: Parts<V>) => RawBuilder<R>,
): Prepared<V, R> {
  return prepareFor(name, write, ({ pool }, query) => pool.query<R>(query))
}

/**
 * The same for a read that takes no longer than a look into an index, and is asked for so often that it shares
 * connections with others of its kind.
 */
export function prepareRead<V extends object, R extends object>(
  name: string,
  write: (parts: Parts<V>) => RawBuilder<R>,
): Prepared<V, R> {
  return prepareFor(name, write, ({ pool, pipelines }, query) => pipelines.query<R>(query) ?? pool.query<R>(query))
}

/** Runs a prepared query with values. */
type Prepared<V, R> = <T>(db: Kysely<T>, values: V) => Promise<R[]>

function prepareFor<V extends object, R extends object>(
  name: string,
  write: (parts: Parts<V>) => RawBuilder<R>,
  run: (connections: Connections, query: pg.QueryConfig) => Promise<pg.QueryResult<R>>,
): Prepared<V, R> {
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
    const connections = connectionsOf.get(db)
    if (!connections) throw new Error('The database was not opened by openDatabase().')
    return (await run(connections, { name, text, values: bound })).rows
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
