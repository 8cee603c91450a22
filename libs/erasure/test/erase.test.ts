import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { sql } from 'kysely'
import { type Batch, type Eraser, eraseOnce, type Progress, purge, WAITING } from '../src/erase.ts'
import { actorOf } from '../src/erased.ts'
import { addErasureJob, type ErasureTables } from '../src/jobs.ts'

let cloned: TestDatabase
let database: Database<ErasureTables>
beforeAll(async () => {
  cloned = await cloneDatabase()
  database = openDatabase<ErasureTables>({
    url: cloned.urlFor('social'),
    applicationName: 'test',
    log: createLogger({ service: 'test', level: 'silent', format: 'pretty' }),
    poolSize: 4,
  })
})
afterAll(async () => {
  await database.close()
  await cloned.drop()
})
beforeEach(async () => {
  await database.db.deleteFrom('erasure_job').execute()
})

async function addJob(): Promise<{ erasureId: string; userId: string }> {
  const job = { erasureId: randomUUID(), userId: randomUUID(), requestedAt: new Date() }
  await database.db.transaction().execute((trx) => addErasureJob(trx, job))
  return job
}

/** Steps that count down from what each person has, in memory, and what was reported. */
function eraser(has: Map<string, number>): Eraser<ErasureTables> & { reports: Progress[]; batches: Batch[] } {
  const [reports, batches]: [Progress[], Batch[]] = [[], []]
  return {
    reports,
    batches,
    db: database.db,
    clock: () => new Date(),
    batchSize: 2,
    steps: [
      async () => 0,
      async (_trx, batch) => {
        batches.push(batch)
        const left = has.get(batch.userId)
        if (left === undefined) throw new Error('This one cannot be erased.')
        const taken = Math.min(left, batch.limit)
        has.set(batch.userId, left - taken)
        return taken
      },
    ],
    report: async (_trx, progress) => void reports.push(progress),
  }
}

describe('eraseOnce', () => {
  it('has nothing to do without a job', async () => {
    expect(await eraseOnce(eraser(new Map()))).toBe(false)
  })

  it('takes a batch at a time, and reports each and the end', async () => {
    const { erasureId, userId } = await addJob()
    const part = eraser(new Map([[userId, 3]]))
    for (let i = 0; i < 3; i++) expect(await eraseOnce(part)).toBe(true)
    expect(await eraseOnce(part)).toBe(false)
    expect(part.reports).toEqual([
      { erasureId, erased: 2, version: 1, isComplete: false },
      { erasureId, erased: 3, version: 2, isComplete: false },
      { erasureId, erased: 3, version: 3, isComplete: true },
    ])
    for (const { cause } of part.batches) expect(cause.actorId).toBeUndefined()
  })

  it('gives each erasure its turn, also behind one that cannot go on', async () => {
    const [broken, first, second] = [await addJob(), await addJob(), await addJob()]
    const has = new Map([first, second].map(({ userId }) => [userId, 4]))
    const part = eraser(has)
    await expect(eraseOnce(part)).rejects.toThrow('cannot be erased')
    for (let i = 0; i < 2; i++) expect(await eraseOnce(part)).toBe(true)
    expect([...has.values()]).toEqual([2, 2])
    await expect(eraseOnce(part)).rejects.toThrow('cannot be erased')
    has.set(broken.userId, 1)
    while (await eraseOnce(part));
    expect([...has.values()]).toEqual([0, 0, 0])
    expect(part.reports.filter(({ isComplete }) => isComplete)).toHaveLength(3)
  })

  it('is not complete while a step waits: later steps and other jobs go on, and nothing is reported meanwhile', async () => {
    const [waiting, other] = [await addJob(), await addJob()]
    const has = new Map([
      [waiting.userId, 2],
      [other.userId, 4],
    ])
    const part = eraser(has)
    let isWaiting = true
    part.steps.unshift(async (_trx, { userId }) => (isWaiting && userId === waiting.userId ? WAITING : 0))
    await eventually(async () => {
      await eraseOnce(part)
      expect([...has.values()]).toEqual([0, 0])
      expect(part.reports.some(({ isComplete }) => isComplete)).toBe(true)
    })
    const reportsOf = ({ erasureId }: { erasureId: string }) =>
      part.reports.filter((report) => report.erasureId === erasureId).map(({ isComplete }) => isComplete)
    expect(reportsOf(waiting)).toEqual([false])
    expect(reportsOf(other)).toEqual([false, false, true])
    isWaiting = false
    await eventually(async () => {
      await eraseOnce(part)
      expect(reportsOf(waiting)).toEqual([false, true])
    })
  })

  it('leaves a job that somebody is at work on to them', async () => {
    const { userId } = await addJob()
    const part = eraser(new Map([[userId, 2]]))
    await database.db.transaction().execute(async (trx) => {
      await sql`select from erasure_job for update`.execute(trx)
      expect(await eraseOnce(part)).toBe(false)
    })
    expect(await eraseOnce(part)).toBe(true)
  })
})

describe('actorOf', () => {
  const BEFORE = '2026-01-01T10:00:00.000Z'
  const actor = (actorid: string | undefined, time = BEFORE) =>
    database.db.transaction().execute((trx) => actorOf(trx, { actorid, time }))

  it('names nobody for what an erased person did, and everybody else', async () => {
    const [erased, other] = [await addJob(), await addJob()]
    const part = eraser(new Map([erased, other].map(({ userId }) => [userId, 0])))
    expect(await actor(erased.userId)).toBe(erased.userId)
    await eraseOnce(part)
    expect(await actor(erased.userId)).toBeUndefined()
    expect(await actor(erased.userId.toUpperCase())).toBeUndefined()
    expect(await actor(erased.userId, '2999-01-01T10:00:00.000Z')).toBe(erased.userId)
    // Their part is not done yet.
    expect(await actor(other.userId)).toBe(other.userId)
    expect(await actor(undefined)).toBeUndefined()
  })
})

describe('purge', () => {
  it('is not through when others have just taken what it found', async () => {
    const userId = randomUUID()
    await sql`
      insert into idempotency_key (owner, key, fingerprint)
      select ${userId}, n::text, 'x' from generate_series(1, 5) as n`.execute(database.db)
    const step = purge<ErasureTables>('idempotency_key', 'owner')
    const purgeOnce = () =>
      database.db.transaction().execute((trx) => step(trx, { userId, limit: 2, cause: { at: new Date() } }))
    let first: Promise<number> | undefined
    await onServer(cloned.adminUrl, async (client) => {
      await client.query('begin')
      await client.query("delete from social.idempotency_key where owner = $1 and key in ('1', '2')", [userId])
      first = purgeOnce()
      await eventually(async () => {
        const { rowCount } = await client.query(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        expect(rowCount).toBe(1)
      })
      await client.query('commit')
    })
    expect(await first).toBe(2)
    expect([await purgeOnce(), await purgeOnce(), await purgeOnce()]).toEqual([2, 1, 0])
  })
})
