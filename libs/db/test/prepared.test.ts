import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../src/database.ts'
import { executePrepared } from '../src/prepared.ts'

let test: TestDatabase
let database: Database<unknown>

beforeAll(async () => {
  test = await cloneDatabase()
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  database = openDatabase<unknown>({ url: test.urlFor('groups'), applicationName: 'test', log, poolSize: 1 })
  await sql`create table thing (id integer, name text)`.execute(database.db)
  await sql`insert into thing values (1, 'one'), (2, 'two')`.execute(database.db)
})
afterAll(async () => {
  await database.close()
  await test.drop()
})

const nameOf = (id: number) =>
  executePrepared(database.db, 'thing', sql<{ name: string }>`select thing.name from thing where id = ${id}`)

describe('executePrepared', () => {
  it('has the server prepare a query once on a connection, whatever the values', async () => {
    expect(await nameOf(1)).toEqual([{ name: 'one' }])
    expect(await nameOf(2)).toEqual([{ name: 'two' }])
    const { rows } = await sql`
      select name, generic_plans + custom_plans as times from pg_prepared_statements`.execute(database.db)
    expect(rows).toEqual([{ name: 'thing', times: 2 }])
  })

  it('goes on when a migration adds a column', async () => {
    await sql`alter table thing add column more text`.execute(database.db)
    expect(await nameOf(1)).toEqual([{ name: 'one' }])
  })

  it('refuses a transaction, whose connection it would miss', async () => {
    await database.db.transaction().execute(async (trx) => {
      await expect(executePrepared(trx, 'one', sql<{ one: number }>`select 1 as one`)).rejects.toThrow('transaction')
    })
  })
})
