import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'
import type { TcpProxy } from '@platform/testing/tcp-proxy.ts'
import { sql } from 'kysely'
import { type Database, isUnavailable, openDatabase } from '../src/database.ts'
import { type Parts, prepareRead } from '../src/prepared.ts'
import { cloneBehindProxy } from './proxied.ts'

const NAME = 'test of pipelines'

let test: TestDatabase
let proxy: TcpProxy
let url: URL
let database: Database<unknown>

beforeAll(async () => {
  ;({ test, proxy, url } = await cloneBehindProxy())
  url.searchParams.set('connect_timeout', '1')
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  // An answer may take two seconds more than its statement.
  database = openDatabase<unknown>({
    url: url.href,
    applicationName: NAME,
    log,
    poolSize: 4,
    statementTimeoutMs: 3_000,
  })
})
afterEach(() => proxy.restore())
afterAll(async () => {
  await database.close()
  await proxy.close()
  await test.drop()
})

/** Goes through a gate, divides, and tells which connection it went over. */
const divide = prepareRead('divide', ({ by, gate }: Parts<{ by: number; gate: number }>) => {
  return sql<{ quotient: number; pid: number }>`
    select 100 / ${by}::integer as quotient, pg_backend_pid() as pid
    from pg_advisory_xact_lock_shared(${gate}::bigint) as gate`
})
/** Gates: one is open, and one that a test may close. */
const [OPEN, GATE] = [0, 1]
const hundredBy = async (by: number, gate = OPEN) => (await divide(database.db, { by, gate }))[0]
/** What comes to the gate while `work` runs waits, until `work` opens it. */
const whileClosed = (work: (open: () => Promise<unknown>) => Promise<void>) =>
  onServer(test.adminUrl, async (client) => {
    await client.query('select pg_advisory_lock($1)', [GATE])
    await work(() => client.query('select pg_advisory_unlock($1)', [GATE]))
  })
const failureOf = (query: Promise<unknown>) =>
  query.then(
    () => undefined,
    (error: unknown) => error,
  )
const countUp = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('reads that share connections', () => {
  it('have their own answers each, over two connections', async () => {
    const answers = await Promise.all(countUp(16).map((by) => hundredBy(by)))
    expect(answers.map((answer) => answer?.quotient)).toEqual(countUp(16).map((by) => Math.floor(100 / by)))
    expect(new Set(answers.map((answer) => answer?.pid)).size).toBe(2)
  })

  it('go on when one of them fails', async () => {
    const failure = failureOf(hundredBy(0))
    const answers = await Promise.all(countUp(8).map((by) => hundredBy(by)))
    expect(answers.map((answer) => answer?.quotient)).toEqual([100, 50, 33, 25, 20, 16, 14, 12])
    expect(await failure).toMatchObject({ code: '22012' })
    expect(isUnavailable(await failure)).toBe(false)
  })

  it('have the pool when there are enough before them', async () => {
    await whileClosed(async (open) => {
      const held = countUp(14).map(() => hundredBy(1, GATE))
      // Fourteen are under way: two more find room.
      const queued = countUp(2).map(() => hundredBy(1))
      const more = await Promise.all(countUp(2).map(() => hundredBy(1)))
      await open()
      const shared = new Set((await Promise.all([...held, ...queued])).map((answer) => answer?.pid))
      expect(shared.size).toBe(2)
      expect(more.map((answer) => shared.has(answer?.pid))).toEqual([false, false])
    })
  })

  it('fail as unavailable when their connection is lost, and have a new one afterwards', async () => {
    const before = await hundredBy(1)
    await whileClosed(async () => {
      const failures = countUp(3).map(() => failureOf(hundredBy(1, GATE)))
      const other = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = ${NAME} and pid <> pg_backend_pid()`.execute(database.db)
      expect(other.rows.length).toBeGreaterThanOrEqual(2)
      expect((await Promise.all(failures)).map(isUnavailable)).toEqual([true, true, true])
    })
    const after = await hundredBy(1)
    expect(after).toMatchObject({ quotient: 100 })
    expect(after?.pid).not.toBe(before?.pid)
  })

  it('give a server up that does not answer, or does not let them connect', async () => {
    await hundredBy(1)
    proxy.freeze()
    const failures = [await failureOf(hundredBy(1)), await failureOf(hundredBy(1))]
    expect(failures.map(String)).toEqual([
      expect.stringContaining('Query read timeout'),
      expect.stringContaining('timeout expired'),
    ])
    expect(failures.map(isUnavailable)).toEqual([true, true])
    proxy.restore()
    expect(await hundredBy(4)).toMatchObject({ quotient: 25 })
  })

  it('have their answers before the database is closed', async () => {
    const own = openDatabase<unknown>({
      url: test.urlFor('groups'),
      applicationName: 'closing',
      log: createLogger({ service: 'test', level: 'silent', format: 'pretty' }),
    })
    await divide(own.db, { by: 1, gate: OPEN })
    await whileClosed(async (open) => {
      const underWay = divide(own.db, { by: 2, gate: GATE })
      const closed = own.close()
      await open()
      await closed
      expect(await underWay).toMatchObject([{ quotient: 50 }])
    })
  })
})
