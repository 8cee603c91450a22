import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { SCHEMAS } from '@platform/platform/registry.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'

let database: TestDatabase
let tables: Record<string, string[]>

beforeAll(async () => {
  database = await cloneDatabase()
  tables = await onServer(database.adminUrl, async (client) => {
    const { rows } = await client.query<{ schema: string; names: string[] }>(
      `
      select schemaname as schema, array_agg(format('%I.%I', schemaname, tablename)) as names
      from pg_tables where schemaname = any($1) group by 1`,
      [SCHEMAS],
    )
    return Object.fromEntries(rows.map(({ schema, names }) => [schema, names]))
  })
})
afterAll(() => database.drop())

/** @returns the database's error code, or `allowed` */
function attempt(role: string, statement: string): Promise<string> {
  return onServer(database.urlFor(role), async (client) => {
    try {
      await client.query(statement)
      return 'allowed'
    } catch (error) {
      return (error as { code: string }).code
    }
  })
}

const REFUSED = '42501'

describe.each(SCHEMAS)('the role %s', (role) => {
  it('works in its own schema', async () => {
    const [own] = tables[role] ?? []
    expect(await attempt(role, `select count(*) from ${own}`)).toBe('allowed')
    expect(await attempt(role, `create table ${role}.mine (); drop table ${role}.mine`)).toBe('allowed')
  })

  it.each(SCHEMAS.filter((schema) => schema !== role))('is refused in the schema %s', async (schema) => {
    const names = tables[schema] ?? []
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      expect([name, await attempt(role, `select count(*) from ${name}`)]).toEqual([name, REFUSED])
      expect([name, await attempt(role, `delete from ${name}`)]).toEqual([name, REFUSED])
      expect([name, await attempt(role, `alter table ${name} owner to ${role}`)]).toEqual([name, REFUSED])
    }
    expect(await attempt(role, `create table ${schema}.mine ()`)).toBe(REFUSED)
  })

  it('gets nowhere around it', async () => {
    expect(await attempt(role, 'create schema mine')).toBe(REFUSED)
    expect(await attempt(role, 'create table public.mine ()')).toBe(REFUSED)
    expect(await attempt(role, 'create role mine')).toBe(REFUSED)
    expect(await attempt(role, "copy (select 1) to program 'true'")).toBe(REFUSED)
    for (const other of SCHEMAS) {
      if (other !== role) expect(await attempt(role, `set role ${other}`)).toBe(REFUSED)
    }
  })
})
