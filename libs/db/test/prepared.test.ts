import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { sql } from 'kysely'
import { type Database, openDatabase } from '../src/database.ts'
import { type Parts, prepare } from '../src/prepared.ts'

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

let written = 0
const findThing = prepare('thing', ({ id, suffix }: Parts<{ id: number; suffix: string }>) => {
  written++
  return sql<{ name: string }>`select thing.name || ${suffix} as name from thing where id = ${id} and 1 = ${1}`
})
const nameOf = (id: number) => findThing(database.db, { id, suffix: '' })

describe('a prepared query', () => {
  it('is written once, and takes its values by their names', async () => {
    expect(await findThing(database.db, { suffix: '!', id: 1 })).toEqual([{ name: 'one!' }])
    expect(await findThing(database.db, { id: 2, suffix: '?' })).toEqual([{ name: 'two?' }])
    expect(written).toBe(1)
  })

  it('has the server prepare a query once on a connection, whatever the values', async () => {
    expect(await nameOf(1)).toEqual([{ name: 'one' }])
    expect(await nameOf(2)).toEqual([{ name: 'two' }])
    const { rows } = await sql`
      select name, generic_plans + custom_plans as times from pg_prepared_statements`.execute(database.db)
    expect(rows).toEqual([{ name: 'thing', times: 4 }])
  })

  it('goes on when a migration adds a column', async () => {
    await sql`alter table thing add column more text`.execute(database.db)
    expect(await nameOf(1)).toEqual([{ name: 'one' }])
  })

  it('sees what its transaction did', async () => {
    await database.db.transaction().execute(async (trx) => {
      await sql`insert into thing values (3, 'three')`.execute(trx)
      expect(await findThing(trx, { id: 3, suffix: '' })).toEqual([{ name: 'three' }])
    })
  })

  it('is run on a database that was opened for it only', async () => {
    const other = database.db.withSchema('groups')
    await expect(findThing(other, { id: 1, suffix: '' })).rejects.toThrow('openDatabase')
  })
})
