import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import type { TcpProxy } from '@platform/testing/tcp-proxy.ts'
import { sql } from 'kysely'
import type pg from 'pg'
import { clientThatWaits } from '../src/client.ts'
import { type Database, isUnavailable, openDatabase } from '../src/database.ts'
import { cloneBehindProxy } from './proxied.ts'

let test: TestDatabase
let proxy: TcpProxy
let url: URL
let database: Database<unknown>

beforeAll(async () => {
  ;({ test, proxy, url } = await cloneBehindProxy())
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  // An answer may take two seconds more than its statement.
  database = openDatabase<unknown>({
    url: url.href,
    applicationName: 'test',
    log,
    poolSize: 1,
    statementTimeoutMs: 100,
  })
})
afterAll(async () => {
  proxy.restore()
  await database.close()
  await proxy.close()
  await test.drop()
})

const one = () => sql<{ one: number }>`select 1 as one`.execute(database.db)
const failureOf = (query: Promise<unknown>) =>
  query.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a client that waits', () => {
  it('answers queries in each form that pg takes', async () => {
    const { pool } = database
    const text = 'select $1::int as n'
    expect((await pool.query(text, [1])).rows).toEqual([{ n: 1 }])
    expect((await pool.query({ text, values: [2], name: 'n' })).rows).toEqual([{ n: 2 }])
    const client = await pool.connect()
    try {
      const result = await new Promise((resolve, reject) => {
        client.query(text, [3], (error, { rows }) => (error ? reject(error) : resolve(rows)))
      })
      expect(result).toEqual([{ n: 3 }])
      const bare = await new Promise((resolve, reject) => {
        client.query('select 4 as n', (error: Error, { rows }: pg.QueryResult) =>
          error ? reject(error) : resolve(rows),
        )
      })
      expect(bare).toEqual([{ n: 4 }])
      expect(await client.query('select 5 as n; select 6 as n')).toHaveLength(2)
    } finally {
      client.release()
    }
  })

  it('tells faults of a statement, and goes on', async () => {
    const failure = await failureOf(database.pool.query('select nothing'))
    expect(failure).toMatchObject({ code: '42703' })
    expect(isUnavailable(failure)).toBe(false)
    expect((await one()).rows).toEqual([{ one: 1 }])
  })

  it('gives a server up that never answers, and takes a new connection afterwards', async () => {
    expect((await one()).rows).toEqual([{ one: 1 }])
    proxy.freeze()
    const failure = await failureOf(one())
    expect(isUnavailable(failure)).toBe(true)
    expect(String(failure)).toContain('Query read timeout')
    proxy.restore()
    expect((await one()).rows).toEqual([{ one: 1 }])
  })

  it('rejects all that waits on its connection', async () => {
    const Client = clientThatWaits(300)
    const client = new Client({ connectionString: url.href })
    client.on('error', () => {})
    await client.connect()
    const failures = await Promise.all([
      failureOf(client.query('select pg_sleep(20)')),
      failureOf(client.query('select 1')),
    ])
    expect(failures.map((failure) => isUnavailable(failure))).toEqual([true, true])
    await failureOf(client.end())
  })
})
