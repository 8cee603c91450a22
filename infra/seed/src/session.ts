import pg from 'pg'

/** The connection that everything is made on, in one transaction: all of it comes, or nothing. */
export interface Session {
  /** Runs statements and says what they made. @returns how many rows that which touched most touched */
  step(what: string, ...statements: string[]): Promise<number>
  /** Runs one statement with values, and says nothing. */
  query<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>
}

/** Called after each step: what was made, how many, and how long it took. */
export type Progress = (what: string, rows: number, seconds: number) => void

/**
 * Ids as the services make them (UUID version 7), from the time of what they name; times as JavaScript has them.
 * `zipf` and `skewed` pick the first of n much more often than the last; `skewed` says by how much.
 */
const FUNCTIONS = [
  `create function pg_temp.id_at(at timestamptz) returns uuid language sql volatile as $$
    select overlay(gen_random_uuid()::text placing
      left(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0'), 8) || '-' ||
      right(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0'), 4) || '-7' from 1 for 15)::uuid $$`,
  `create function pg_temp.between(since timestamptz, until timestamptz, share float8) returns timestamptz
    language sql immutable as $$ select date_trunc('milliseconds', since + (until - since) * share) $$`,
  `create function pg_temp.zipf(n bigint) returns integer language sql volatile as $$
    select least(n, floor(power(n + 1.0, random())))::integer $$`,
  `create function pg_temp.skewed(n bigint, by float8) returns integer language sql volatile as $$
    select least(n, 1 + floor(n * power(random(), by)))::integer $$`,
  `create function pg_temp.iso(at timestamptz) returns text language sql stable as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$`,
]

// It sorts and joins all there is, once.
const SETTINGS = [
  `set work_mem = '256MB'`,
  `set maintenance_work_mem = '256MB'`,
  `set temp_buffers = '256MB'`,
  'set statement_timeout = 0',
  'set jit = off',
  'set synchronous_commit = off',
]

/** @param url of a login that may write in every schema, such as the one that provisioned the database */
export async function inSession<T>(
  url: string,
  progress: Progress,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'seed' })
  await client.connect()
  try {
    for (const setting of SETTINGS) await client.query(setting)
    await client.query('begin')
    for (const text of FUNCTIONS) await client.query(text)
    const result = await work({
      step: async (what, ...statements) => {
        const begun = performance.now()
        let rows = 0
        for (const text of statements) rows = Math.max(rows, (await client.query(text)).rowCount ?? 0)
        progress(what, rows, (performance.now() - begun) / 1_000)
        return rows
      },
      query: async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
        (await client.query<R>(text, values)).rows,
    })
    await client.query('commit')
    return result
  } finally {
    await client.end()
  }
}
