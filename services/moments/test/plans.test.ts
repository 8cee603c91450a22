import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { SignedTokens } from '@platform/http/signed-token.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { type Explained, explainAll, largeTables, mostReadBy, readBy, scansOf } from '@platform/testing/statements.ts'
import { type RawBuilder, sql } from 'kysely'
import { changesQuery, changesValues } from '../src/changes/changes-query.ts'
import { listChanges } from '../src/changes/list-changes.ts'
import { RANK, START, writePlace } from '../src/changes/place.ts'
import type { MomentsTables, Tx } from '../src/db/schema.ts'
import { countBuckets } from '../src/timeline/buckets.ts'
import { type FilterQuery, filterValues, readFilter } from '../src/timeline/filter.ts'
import { listTimeline } from '../src/timeline/list-timeline.ts'
import { listMemories } from '../src/timeline/memories.ts'
import { type PageShape, pageQuery } from '../src/timeline/page-query.ts'
import { listName, writeAnchor, writePosition } from '../src/timeline/position.ts'
import type { TimelineQuery } from '../src/timeline/shapes.ts'
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
  large = await largeTables(moments)
})
afterAll(async () => {
  await moments.close()
  await database.drop()
})

/** Has three robots. */
const reader = { userId: nth('user', 2), roles: ['user' as const] }
const OWN_MOMENTS = 3 * MILLION.momentsOfRobot
const now = new Date()
const tokens = new SignedTokens(DEVELOPMENT_SECRET)
const addresses = { addressOf: async () => ({ uri: '/', expiresAt: now }) }
const depsOn = (db: Tx) => ({ db, clock: () => now, tokens, addresses })

const timeline = (db: Tx, query: Partial<TimelineQuery> = {}) =>
  listTimeline(depsOn(db), reader, { page: 1, limit: 50, ...query })
const list = listName(reader.userId, readFilter({}))
const middle = new Date(now.getTime() - 199 * 60_000 * 2_000)
const position = writePosition(tokens, list, { capturedAt: middle, id: nth('moment', 0), total: 10_000 })
const TEN_MINUTES: FilterQuery = { 'filter[localTime]': '17:00:00-17:10:00' }
const anchorOf = async (db: Tx) => {
  const { rows } = await sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`.execute(db)
  const views = [2, 3, 4].map((n): [string, null] => [nth('robot', n), null])
  return writeAnchor(tokens, list, { snapshot: rows[0]?.snapshot ?? '', now, total: 14_000, views })
}
const buckets = (db: Tx, query: FilterQuery, by: 'day' | 'hour' = 'day') =>
  countBuckets(db, reader, { filter: readFilter(query), by }, now)
const since = (xid: bigint, rank: number) =>
  writePlace(tokens, reader.userId, { ...START, xid, rank, ownXid: rank === RANK.moment ? xid : 0n })
const changes = (db: Tx, query: { since?: string } = {}) => listChanges(depsOn(db), reader, { limit: 50, ...query })

/** The operations, and how many rows a step of a plan may read at most: all of the reader's where a total is counted. */
const OPERATIONS: [string, (db: Tx) => Promise<unknown>, mostRows: number][] = [
  ['the first page of a timeline', (db) => timeline(db), OWN_MOMENTS],
  ["one robot's", (db) => timeline(db, { 'filter[robotUUID]': nth('robot', 3) }), MILLION.momentsOfRobot],
  ['the page behind a cursor', (db) => timeline(db, { after: position }), 1_000],
  ['the second page of an anchor', async (db) => timeline(db, { asOf: await anchorOf(db), page: 2 }), 1_000],
  ['ten minutes of local time', (db) => timeline(db, TEN_MINUTES), OWN_MOMENTS / 20],
  ['a range across midnight', (db) => timeline(db, { 'filter[localTime]': '23:50:00-00:10:00' }), OWN_MOMENTS / 8],
  ['what is unseen', (db) => timeline(db, { 'filter[seen]': false }), OWN_MOMENTS],
  ['what is liked', (db) => timeline(db, { 'filter[feedback]': '1' }), OWN_MOMENTS],
  ['one type', (db) => timeline(db, { 'filter[type]': 'photo' }), OWN_MOMENTS],
  ['what has expired', (db) => timeline(db, { 'filter[expired]': true }), OWN_MOMENTS],
  [
    'a day',
    (db) =>
      timeline(db, { 'filter[capturedAt]': `${middle.toISOString()}/${new Date(+middle + 86_400_000).toISOString()}` }),
    1_000,
  ],
  ['buckets by day', (db) => buckets(db, {}), OWN_MOMENTS],
  ['buckets by hour of ten minutes', (db) => buckets(db, TEN_MINUTES, 'hour'), OWN_MOMENTS / 4],
  ['memories', (db) => listMemories(depsOn(db), reader), 1_000],
  ['changes from the beginning', (db) => changes(db), OWN_MOMENTS / 3],
  [
    'changes from the middle of a transaction',
    (db) => changes(db, { since: since(250n, RANK.moment) }),
    OWN_MOMENTS / 3,
  ],
  [
    'changes behind the marks of a transaction',
    (db) => changes(db, { since: since(250n, RANK.mark) }),
    OWN_MOMENTS / 3,
  ],
  ['changes at the end', (db) => changes(db, { since: since(600n, RANK.mark) }), 1_000],
]

const scans = (explained: Explained[]) => explained.flatMap((one) => scansOf(one, large))

describe('with a million moments', () => {
  it('has tables that are large', () => {
    expect([...large].sort()).toEqual(expect.arrayContaining(['mark', 'media', 'moment']))
  })

  it.each(OPERATIONS)('%s: no sequential scan, and few rows', async (_, run, mostRows) => {
    const explained = await explainAll(moments, run)
    expect(explained.length).toBeGreaterThan(0)
    expect(scans(explained)).toEqual([])
    expect(explained.map(mostReadBy).filter((rows) => rows > mostRows)).toEqual([])
  })

  // A connection plans them once for all values, so the plan must not depend on those.
  const PREPARED: [string, RawBuilder<unknown>, mostRows: number][] = [
    ['a timeline', page({}, 'live'), OWN_MOMENTS],
    ['ten minutes of local time', page(TEN_MINUTES, 'live'), OWN_MOMENTS / 20],
    ['what follows a moment', page({}, 'after'), 1_000],
    ['a page of an anchor', page({}, 'anchored'), 1_000],
    ['changes', changesQuery(changesValues(reader.userId, { ...START, xid: 250n, rank: RANK.mark }, 50)), 1_000],
  ]
  it.each(PREPARED)('%s, planned for any values: no sequential scan, and few rows', async (_, statement, mostRows) => {
    const { sql: text, parameters } = statement.compile(moments.db)
    const explained = await explainAll(moments, async (trx) => {
      await sql`set local plan_cache_mode = force_generic_plan`.execute(trx)
      await sql.raw(`prepare query as ${text}`).execute(trx)
      await sql.raw(`execute query(${parameters.map(toLiteral).join(', ')})`).execute(trx)
      await sql.raw('deallocate query').execute(trx)
    })
    expect(explained).toHaveLength(1)
    expect(scans(explained)).toEqual([])
    expect(explained.flatMap(({ steps }) => steps).filter((step) => readBy(step) > mostRows)).toEqual([])
  })
})

/** The statement of a page of fifty. */
function page(query: FilterQuery, mode: PageShape['mode']): RawBuilder<unknown> {
  const filter = readFilter(query)
  return pageQuery(
    { filter, mode },
    {
      ...filterValues(filter, { userId: reader.userId, now }),
      skipped: 0,
      limit: 51,
      afterTime: middle,
      afterId: nth('moment', 0),
      total: 14_000,
      snapshot: '900:900:',
      robotIds: [2, 3, 4].map((n) => nth('robot', n)),
      visibleFroms: [null, null, null],
    },
  )
}

function toLiteral(value: unknown): string {
  if (Array.isArray(value)) return `'{${value.map((item) => item ?? 'null').join(',')}}'`
  return value === null ? 'null' : `'${value instanceof Date ? value.toISOString() : value}'`
}
