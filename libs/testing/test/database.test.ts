import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '../src/database.ts'
import { onServer } from '../src/server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

describe('cloneDatabase', () => {
  it('gives each role its own schema to work in, first in its search path', async () => {
    const path = await onServer(database.urlFor('groups'), async (client) => {
      await client.query('create table mine (id int)')
      return (await client.query('select current_schemas(false)::text[] as path')).rows[0]
    })
    expect(path).toEqual({ path: ['groups', 'public'] })
  })

  it('refuses a role on the schema of another', async () => {
    const intrusion = onServer(database.urlFor('moderation'), (client) => client.query('select * from groups.mine'))
    await expect(intrusion).rejects.toThrow('permission denied for schema groups')
  })

  it('keeps copies apart', async () => {
    const other = await cloneDatabase()
    const look = onServer(other.urlFor('groups'), (client) => client.query('select * from mine'))
    await expect(look).rejects.toThrow('relation "mine" does not exist')
    await other.drop()
    await expect(onServer(other.adminUrl, async () => {})).rejects.toThrow('does not exist')
  })
})
