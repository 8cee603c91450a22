import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { type Explained, explainAll, largeTables, mostReadBy, scansOf } from '@platform/testing/statements.ts'
import { type RawBuilder, sql } from 'kysely'
import type { MomentsTables, Tx } from '../src/db/schema.ts'
import { feedValues } from '../src/smart/feed.ts'
import { freshQuery } from '../src/smart/fresh-query.ts'
import { countPriors } from '../src/smart/prior-counts.ts'
import { readSmartFeed, rowsQuery } from '../src/smart/read-feed.ts'
import { buildUnlessFresh } from '../src/smart/snapshots.ts'
import { purgeSnapshots } from '../src/smart/upkeep.ts'
import { type FilterQuery, readFilter } from '../src/timeline/filter.ts'
import { fill, MILLION, nth } from './large-database.ts'

let database: TestDatabase
let moments: Database<MomentsTables>
let large: Set<string>

beforeAll(async () => {
  database = await cloneDatabase()
  moments = openDatabase<MomentsTables>({
    url: database.urlFor('moments'),
    applicationName: 'test',
    log: createLogger({ service: 'test', level: 'silent', format: 'json' }),
    poolSize: 2,
    statementTimeoutMs: 120_000,
  })
  await fill(moments.db, MILLION)
  await sql`
    insert into smart_snapshot (id, user_id, filter, created_at, moments_at, label_state, rights, moment_ids, reasons, similar_counts)
    select gen_random_uuid(), gen_random_uuid(), '{"expired":false}', now() - n * interval '1 second', pg_current_snapshot(), 0, '',
      array[gen_random_uuid()], '{fresh}', '{0}'
    from generate_series(1, 20000) as n`.execute(moments.db)
  await sql`vacuum (analyze) smart_snapshot`.execute(moments.db)
  large = await largeTables(moments)
})
afterAll(async () => {
  await moments.close()
  await database.drop()
})

/** Has three robots. */
const reader = { userId: nth('user', 2), roles: ['user' as const] }
const now = new Date()
const addresses = { addressOf: async () => ({ uri: '/', expiresAt: now }) }
const TEN_MINUTES: FilterQuery = { 'filter[localTime]': '17:00:00-17:10:00' }

const build = (db: Tx, query: FilterQuery = {}) =>
  buildUnlessFresh(db, { userId: reader.userId, filter: readFilter(query), now })
const read = (db: Tx, query: { limit: number; startUUID?: string }) =>
  readSmartFeed({ db, clock: () => now, addresses }, reader, query)

/** A robot has 216 moments of 30 days; so many labels are looked at for older liked ones. */
const CANDIDATES = 3 * 220
const LABELS = 1_000

/** The operations, and how many rows a step of a plan may read at most. */
const OPERATIONS: [string, (db: Tx) => Promise<unknown>, mostRows: number][] = [
  ['building a feed', (db) => build(db), CANDIDATES + LABELS],
  ['building one of ten minutes', (db) => build(db, TEN_MINUTES), CANDIDATES + LABELS],
  ['building one of what is unseen', (db) => build(db, { 'filter[seen]': false }), CANDIDATES + LABELS],
  ['building one of a type', (db) => build(db, { 'filter[type]': 'photo' }), CANDIDATES + LABELS],
  ['counting the labels of all users', (db) => countPriors(db, now), 20_000],
  ['purging snapshots', (db) => purgeSnapshots(db, new Date(now.getTime() + 86_300_000)), 500],
]

const scans = (explained: Explained[]) => explained.flatMap((one) => scansOf(one, large))

describe('the smart feed, with a million moments', () => {
  it('has tables that are large', () => {
    expect([...large]).toEqual(expect.arrayContaining(['mark', 'moment', 'smart_snapshot']))
  })

  it.each(OPERATIONS)('%s: no sequential scan, and few rows', async (_, run, mostRows) => {
    const explained = await explainAll(moments, run)
    expect(explained.length).toBeGreaterThan(0)
    expect(scans(explained)).toEqual([])
    expect(explained.map(mostReadBy).filter((rows) => rows > mostRows)).toEqual([])
  })

  it('the first page of a built feed and the pages after it: no sequential scan, and few rows', async () => {
    let built = 0
    const all = await explainAll(moments, async (db) => {
      await build(db)
      built = (await db.selectFrom('smart_snapshot').select('id').where('user_id', '=', reader.userId).execute()).length
      const { next, count } = await read(db, { limit: 50 })
      expect(count).toBe(50)
      expect((await read(db, { limit: 50, startUUID: next })).count).toBe(50)
    })
    const marker = all.findIndex(({ text }) => text.startsWith('select "id" from "smart_snapshot"'))
    const explained = all.slice(marker + 1)
    expect(built).toBe(1)
    expect(explained).toHaveLength(4)
    expect(scans(explained)).toEqual([])
    // The labels are read for their digest.
    expect(explained.map(mostReadBy).filter((rows) => rows > 500)).toEqual([])
  })
  // A connection plans them once for all values, so the plan must not depend on those.
  const feed = { userId: reader.userId, filter: readFilter({}), now }
  const ids = Array.from({ length: 50 }, (_, n) => nth('moment', n * MILLION.robots + 2))
  const PREPARED: [string, RawBuilder<unknown>][] = [
    ['the newest snapshot', freshQuery(feed.filter, feedValues(feed))],
    ['the moments of a page', rowsQuery(feed.filter, { ...feedValues(feed), ids })],
  ]
  it.each(PREPARED)('%s, planned for any values: no sequential scan, and few rows', async (_, statement) => {
    const { sql: text, parameters } = statement.compile(moments.db)
    const explained = await explainAll(moments, async (trx) => {
      await build(trx)
      await sql`set local plan_cache_mode = force_generic_plan`.execute(trx)
      await sql.raw(`prepare query as ${text}`).execute(trx)
      await sql.raw(`execute query(${parameters.map(toLiteral).join(', ')})`).execute(trx)
      await sql.raw('deallocate query').execute(trx)
    })
    const executed = explained.slice(-1)
    expect(executed.map((one) => one.text.slice(0, 13))).toEqual(['execute query'])
    expect(scans(executed)).toEqual([])
    expect(executed.map(mostReadBy).filter((rows) => rows > 500)).toEqual([])
  })
})

function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `'{${value.join(',')}}'`
  return value === null ? 'null' : `'${value instanceof Date ? value.toISOString() : value}'`
}
