import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { migrate, migrateDown } from '@platform/db/migrate.ts'
import { createLogger } from '@platform/log/logger.ts'
import { migrationFoldersOf } from '@platform/service/migrations.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { sql } from 'kysely'
import { loadConfig } from '../src/config.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { openSocial } from './database.ts'

const env = { DATABASE_URL: 'postgres://localhost/x', GROUPS_URL: 'http://127.0.0.1:3001' }
const secret = 'a-secret-of-production-0123456789abcdef'

let database: TestDatabase
let social: Database<SocialTables>
beforeAll(async () => {
  database = await cloneDatabase()
  social = openSocial(database)
})
afterAll(async () => {
  await social.close()
  await database.drop()
})

describe('the configuration', () => {
  it('has a default for all but the addresses', () => {
    const { redactedStatuses, DELETION_BATCH_SIZE } = loadConfig(env)
    expect([...redactedStatuses].sort()).toEqual(['flagged', 'rejected', 'review'])
    expect(DELETION_BATCH_SIZE).toBe(500)
  })

  it.each<[string, Record<string, string>]>([
    ['GROUPS_URL', { GROUPS_URL: '' }],
    ['DATABASE_URL', { DATABASE_URL: '' }],
    ['REDACTED_STATUSES', { REDACTED_STATUSES: 'review,hidden' }],
    ['DELETION_BATCH_SIZE', { DELETION_BATCH_SIZE: '0' }],
    ['CURSOR_SECRET', { NODE_ENV: 'production', ASSERTION_SECRET: secret }],
    ['ASSERTION_SECRET', { NODE_ENV: 'production', CURSOR_SECRET: secret }],
  ])('names %s when it is not usable', (name, change) => {
    expect(() => loadConfig({ ...env, ...change })).toThrow(name)
  })
})

describe('the recount command', () => {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
  const recount = async (...words: string[]) => {
    const settings = { ...process.env, DATABASE_URL: database.urlFor('social') }
    const run = promisify(execFile)(process.execPath, [cli, ...words], { env: settings })
    const { stdout, code } = await run.then(
      ({ stdout }) => ({ stdout, code: 0 }),
      (error: { stdout: string; code: number }) => error,
    )
    return { code, drifts: stdout.split('\n').filter((line) => line !== '') }
  }

  it('reports what has drifted, sets it right when it is told to, and refuses other words', async () => {
    expect(await recount()).toEqual({ code: 2, drifts: [] })
    expect(await recount('recount')).toEqual({ code: 0, drifts: [] })
    const userId = randomUUID()
    await sql`insert into user_total (user_id, created_count) values (${userId}, 3)`.execute(social.db)
    const drift = JSON.stringify({ counter: 'user_total.created_count', id: userId, kept: 3, counted: 0 })
    expect(await recount('recount')).toEqual({ code: 1, drifts: [drift] })
    expect(await recount('recount', '--fix')).toEqual({ code: 0, drifts: [drift] })
    expect(await recount('recount')).toEqual({ code: 0, drifts: [] })
  })
})

describe('the migrations', () => {
  it('go both ways', async () => {
    const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
    const url = database.urlFor('social')
    const { db, close } = openDatabase<unknown>({ url, applicationName: 'test', log, poolSize: 1 })
    const tables = async () => {
      const { rows } = await sql<{ tablename: string }>`
        select tablename from pg_tables where schemaname = 'social' and tablename not like 'kysely%' order by 1`.execute(
        db,
      )
      return rows
    }
    const before = await tables()
    expect(before.length).toBeGreaterThan(10)
    await migrateDown(db, migrationFoldersOf('social'))
    expect(await tables()).toEqual([])
    await migrate(db, migrationFoldersOf('social'))
    expect(await tables()).toEqual(before)
    await close()
  })
})
