import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { startTcpProxy, type TcpProxy } from '@platform/testing/tcp-proxy.ts'
import { sql } from 'kysely'
import { type Database, isUnavailable, openDatabase } from '../src/database.ts'
import { type Parts, prepareRead } from '../src/prepared.ts'

const NAME = 'test of pipelines'

let test: TestDatabase
let proxy: TcpProxy
let database: Database<unknown>

beforeAll(async () => {
  test = await cloneDatabase()
  const url = new URL(test.urlFor('groups'))
  proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) })
  url.host = `127.0.0.1:${proxy.port}`
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

/** Sleeps, divides, and tells which connection it went over. */
const divide = prepareRead('divide', ({ by, seconds }: Parts<{ by: number; seconds: number }>) => {
  return sql<{ quotient: number; pid: number }>`
    select 100 / ${by}::integer as quotient, pg_backend_pid() as pid from pg_sleep(${seconds}::float8)`
})
const hundredBy = async (by: number, seconds = 0) => (await divide(database.db, { by, seconds }))[0]
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

  it('have the pool when those before them are slow', async () => {
    const slow = countUp(16).map(() => hundredBy(1, 0.1))
    const shared = new Set((await Promise.all([slow[0], slow[1]])).map((answer) => answer?.pid))
    // Fourteen are under way: two more find room.
    const more = countUp(4).map(() => hundredBy(1))
    const pids = (await Promise.all(more)).map((answer) => answer?.pid ?? 0)
    expect(pids.map((pid) => shared.has(pid))).toEqual([true, true, false, false])
    await Promise.all(slow)
  })

  it('fail as unavailable when their connection is lost, and have a new one afterwards', async () => {
    const before = await hundredBy(1)
    const failures = [failureOf(hundredBy(1, 2)), failureOf(hundredBy(1, 2)), failureOf(hundredBy(1, 2))]
    const other = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${NAME} and pid <> pg_backend_pid()`.execute(database.db)
    expect(other.rows.length).toBeGreaterThanOrEqual(2)
    expect((await Promise.all(failures)).map(isUnavailable)).toEqual([true, true, true])
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
    await divide(own.db, { by: 1, seconds: 0 })
    const underWay = divide(own.db, { by: 2, seconds: 0.2 })
    await own.close()
    expect(await underWay).toMatchObject([{ quotient: 50 }])
  })
})
