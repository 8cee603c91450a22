import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { migrate, migrateDown, pendingMigrations } from '@platform/db/migrate.ts'
import { createLogger } from '@platform/log/logger.ts'
import { migrationFoldersOf } from '@platform/service/migrations.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'
import { loadConfig } from '../src/config.ts'

const env = {
  DATABASE_URL: 'postgres://localhost/x',
  GROUPS_URL: 'http://127.0.0.1:3001',
  SOCIAL_URL: 'http://127.0.0.1:3002',
}

describe('the configuration', () => {
  it('has a default for all but the addresses', () => {
    expect(loadConfig(env)).toMatchObject({ REPORT_THRESHOLD: 3, PORT: 0 })
  })

  it.each<[string, Record<string, string>]>([
    ['GROUPS_URL', { GROUPS_URL: '' }],
    ['SOCIAL_URL', { SOCIAL_URL: '' }],
    ['GROUPS_URL', { GROUPS_URL: 'groups:3001' }],
    ['DATABASE_URL', { DATABASE_URL: '' }],
    ['REPORT_THRESHOLD', { REPORT_THRESHOLD: '0' }],
    ['REPORT_THRESHOLD', { REPORT_THRESHOLD: 'three' }],
    ['ASSERTION_SECRET', { NODE_ENV: 'production' }],
  ])('names %s when it is not usable', (name, change) => {
    expect(() => loadConfig({ ...env, ...change })).toThrow(name)
  })
})

describe('the migrations', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await cloneDatabase()
  })
  afterAll(() => database.drop())

  it('go both ways', async () => {
    const tables = () =>
      onServer(database.urlFor('moderation'), async (client) => {
        const { rows } = await client.query(
          `select tablename from pg_tables where schemaname = 'moderation' and tablename not like 'kysely%' order by 1`,
        )
        return rows.map(({ tablename }) => tablename)
      })
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    const url = database.urlFor('moderation')
    const { db, close } = openDatabase<unknown>({ url, applicationName: 'test', log, poolSize: 1 })
    const before = await tables()
    expect(before).toEqual(expect.arrayContaining(['item', 'item_total', 'outbox', 'report', 'transition']))
    await migrateDown(db, migrationFoldersOf('moderation'))
    expect(await tables()).toEqual([])
    await migrate(db, migrationFoldersOf('moderation'))
    expect(await tables()).toEqual(before)
    expect(await pendingMigrations(db, migrationFoldersOf('moderation'))).toEqual([])
    await close()
  })
})
