import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

/** A partial index serves, when all that it leaves out are NULLs. */
const WITHOUT_INDEX = `
  select conrelid::regclass::text as referencing, conname as name
  from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
  where contype = 'f' and not exists (
    select from pg_index
    where indrelid = conrelid and indkey[0] = conkey[1]
      and (indpred is null or pg_get_expr(indpred, indrelid) = '(' || quote_ident(attname) || ' IS NOT NULL)')
  )`

describe('A foreign key of any service', () => {
  it('finds the rows that refer to one by an index, since each delete looks for them', async () => {
    const { keys, lacking } = await onServer(database.adminUrl, async (client) => ({
      keys: (await client.query("select conname from pg_constraint where contype = 'f'")).rows.length,
      lacking: (await client.query(WITHOUT_INDEX)).rows,
    }))
    expect(keys).toBeGreaterThan(10)
    expect(lacking).toEqual([])
  })
})
