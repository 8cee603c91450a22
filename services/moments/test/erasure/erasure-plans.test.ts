import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { runStep } from '@platform/erasure/erase.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { explainAll, largeTables, mostReadBy, scansOf } from '@platform/testing/statements.ts'
import { sql } from 'kysely'
import type { MomentsTables } from '../../src/db/schema.ts'
import { ERASURE_STEPS } from '../../src/erasure/steps.ts'
import { snapshots } from '../../src/snapshots.ts'
import { openMoments } from '../robots/moments-alone.ts'

const MOMENTS = 20_000
const LIMIT = 500

let database: TestDatabase
let moments: Database<MomentsTables>
let large: Set<string>
const [beginning, waiting, ending] = [randomUUID(), randomUUID(), randomUUID()]

beforeAll(async () => {
  database = await cloneDatabase()
  moments = openMoments(database)
  await fill()
  large = await largeTables(moments)
})
afterAll(async () => {
  await moments.close()
  await database.drop()
})

/** Three robots with one user each: no moment is handed to the purge yet, all are, and all are purged. */
async function fill(): Promise<void> {
  const { db } = moments
  for (const id of [beginning, waiting, ending]) {
    await sql`insert into robot (id, created_at, updated_at) values (${id}, now(), now())`.execute(db)
    // The person's id is the robot's, too.
    await sql`insert into access (robot_id, user_id, "right", granted_at) values (${id}, ${id}, 'owner', now())`.execute(
      db,
    )
    const [isStarted, isPurged] = [id !== beginning, id === ending]
    await sql`
      insert into moment (id, robot_id, source_id, type, captured_at, time_zone, local_at, deleted_at, deleted_by,
        purge_started_at, purged_at, created_at, updated_at)
      select gen_random_uuid(), ${id}, n::text, 'photo', now(), 'UTC', now()::timestamp,
        case when ${isStarted} then now() end, case when n % 2 = 0 then ${id}::uuid end,
        case when ${isStarted} then now() end, case when ${isPurged} then now() end, now(), now()
      from generate_series(1, ${MOMENTS}) as n`.execute(db)
  }
  await sql`
    insert into mark (user_id, moment_id, feedback, updated_at) select robot_id, id, 1, now() from moment`.execute(db)
  await sql`
    insert into moment_action (id, robot_id, moment_id, user_id, action, at)
    select gen_random_uuid(), robot_id, id, robot_id, 'like', now() from moment`.execute(db)
  await sql`analyze`.execute(db)
}

describe('with many moments', () => {
  it('has tables that are large', () => {
    expect([...large]).toEqual(expect.arrayContaining(['mark', 'moment', 'moment_action']))
  })

  const people: [string, string][] = [
    ['kept', beginning],
    ['handed to the purge', waiting],
    ['purged', ending],
  ]
  const cases = people.flatMap(([how, userId]) => ERASURE_STEPS.map((step, n) => ({ n: n + 1, how, userId, step })))
  it.each(cases)('step $n of an erasure whose moments are $how reads few rows, by index', async ({ userId, step }) => {
    const explained = await explainAll(moments, (trx) =>
      runStep(trx, step, { userId, limit: LIMIT, cause: { at: new Date() } }),
    )
    expect(explained.length).toBeGreaterThan(0)
    expect(explained.flatMap((one) => scansOf(one, large))).toEqual([])
    expect(explained.filter((one) => mostReadBy(one) > 2 * LIMIT).map(({ text }) => text)).toEqual([])
  })

  it('reads few rows for a page of the snapshot, by index', async () => {
    const after = '80000000-0000-4000-8000-000000000000'
    for (const snapshot of snapshots) {
      const explained = await explainAll(moments, (trx) => snapshot.page(trx, after, 200))
      expect(explained.flatMap((one) => scansOf(one, large))).toEqual([])
      expect(explained.filter((one) => mostReadBy(one) > 2 * LIMIT).map(({ text }) => text)).toEqual([])
    }
  })
})
