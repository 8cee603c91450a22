import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import { readTopics } from './erasure/read-topics.ts'
import { openMoments, openTestTransport, transportsOn } from './robots/moments-alone.ts'

const BATCHES = 6
const BATCH = 100

describe.each(transportsOn(findKafkaBrokers()))('a crash in the middle of batch deletes on $on', ({ kafka }) => {
  const [owner, robotId] = [randomUUID(), randomUUID()]
  let database: TestDatabase
  let moments: ReturnType<typeof openMoments>
  let processes: TestProcesses
  let batches: string[][]

  beforeAll(async () => {
    database = await cloneDatabase()
    moments = openMoments(database)
    processes = await startProcesses({ database, kafka, names: ['moments'] })
    const { db } = moments
    await sql`insert into robot (id, created_at, updated_at) values (${robotId}, now(), now())`.execute(db)
    await sql`
      insert into access (robot_id, user_id, "right", granted_at) values (${robotId}, ${owner}, 'owner', now())`.execute(
      db,
    )
    const { rows } = await sql<{ id: string }>`
      insert into moment (id, robot_id, source_id, type, captured_at, time_zone, local_at, created_at, updated_at)
      select gen_random_uuid(), ${robotId}, n::text, 'photo', now(), 'UTC', now()::timestamp, now(), now()
      from generate_series(1, ${BATCHES * BATCH}) as n returning id`.execute(db)
    batches = Array.from({ length: BATCHES }, (_, i) => rows.slice(i * BATCH, (i + 1) * BATCH).map(({ id }) => id))
  })
  afterAll(async () => {
    await processes.stop()
    await moments.close()
    await database.drop()
  })

  const deletedOf = async (ids: string[]) => {
    const rows = await moments.db
      .selectFrom('moment')
      .select('id')
      .where('id', 'in', ids)
      .where('deleted_at', 'is not', null)
      .execute()
    return rows.length
  }

  it('leaves each batch deleted as a whole or not at all, and each deletion is published once', async () => {
    const asking = new ServiceCaller(processes.get('moments').url, TEST_ASSERTION_SECRET, { id: owner })
    const deletes = batches.map((momentUUIDs) => asking.delete('/moments', { momentUUIDs }))
    await eventually(async () => expect(await deletedOf(batches.flat())).toBeGreaterThan(0), { everyMs: 1 })
    await processes.get('moments').kill()
    const answers = await Promise.allSettled(deletes)
    await processes.get('moments').restart()

    for (const [i, ids] of batches.entries()) {
      const deleted = await deletedOf(ids)
      expect([0, BATCH]).toContain(deleted)
      const answer = answers[i]
      // Acknowledged is kept.
      if (answer?.status === 'fulfilled' && answer.value.status === 204) expect(deleted).toBe(BATCH)
      if (deleted === 0) expect((await asking.delete('/moments', { momentUUIDs: ids })).status).toBe(204)
    }
    const reader = readTopics(openTestTransport(kafka, { database, moments }), ['moments.moment', 'moments.action'])
    const all = BATCHES * BATCH
    await eventually(() =>
      expect(reader.counted()).toEqual({
        'moments.moment.deleted': [all, all],
        'moments.action.recorded': [all, all],
      }),
    )
    await reader.stop()
  })
})
