import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { erasureOf } from '@platform/testing/erasures.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { onServer } from '@platform/testing/server.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import type { MomentsTables } from '../../src/db/schema.ts'
import { type Kafka, openMoments, openTestTransport, transportsOn } from '../robots/moments-alone.ts'
import { readTopics } from './read-topics.ts'

const MOMENTS = 300
const TOPICS = ['moments.moment', 'moments.erasure', 'groups.erasure']

let database: TestDatabase
let moments: Database<MomentsTables>
let processes: TestProcesses
let person: string
let other: string
let own: string
let shared: string

async function startAll(kafka: Kafka): Promise<void> {
  ;[person, other, own, shared] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  database = await cloneDatabase()
  moments = openMoments(database)
  // So small that there is time to kill the process before the work is over.
  const env = { moments: { ERASURE_BATCH_SIZE: '4', PURGE_LEASE_MS: '1000' } }
  processes = await startProcesses({ database, kafka, names: ['groups', 'social', 'moderation', 'moments'], env })
}

async function stopAll(): Promise<void> {
  await processes.stop()
  await moments.close()
  await database.drop()
}

/** A robot of the person and a robot that another person owns, too, each with moments; the person likes all of those. */
async function seed(): Promise<void> {
  const { db } = moments
  await sql`
    insert into robot (id, created_at, updated_at) values (${own}, now(), now()), (${shared}, now(), now())`.execute(db)
  await sql`
    insert into access (robot_id, user_id, "right", granted_at)
    values (${own}, ${person}, 'owner', now()), (${shared}, ${person}, 'owner', now()), (${shared}, ${other}, 'viewer', now())
    `.execute(db)
  await sql`
    insert into moment (id, robot_id, source_id, type, captured_at, time_zone, local_at, created_at, updated_at)
    select gen_random_uuid(), robot.id, n::text, 'photo', now(), 'UTC', now()::timestamp, now(), now()
    from robot, generate_series(1, ${MOMENTS}) as n`.execute(db)
  await sql`
    insert into media (id, moment_id, position, kind, uri)
    select gen_random_uuid(), id, 0, 'image', 'https://robots.example/' || id from moment`.execute(db)
  await sql`
    insert into mark (user_id, moment_id, feedback, updated_at)
    select ${person}, id, 1, now() from moment where robot_id = ${shared}`.execute(db)
  await sql`
    insert into moment_action (id, robot_id, moment_id, user_id, action, at)
    select gen_random_uuid(), robot_id, id, ${person}, 'like', now() from moment where robot_id = ${shared}`.execute(db)
}

type Client = Parameters<Parameters<typeof onServer>[1]>[0]

/** Queries that count what is left of one kind, in the order in which it goes. */
const LEFT = {
  'moments to hand to the purge': 'select from moments.moment where robot_id = $1 and purge_started_at is null',
  marks: 'select from moments.mark where user_id = $2',
  tombstones: 'select from moments.moment where robot_id = $1',
}

/** Queries that lock the row of each kind that goes last, so that the process is still in the middle when it is killed. */
const LAST = {
  'moments to hand to the purge':
    'select from moments.moment where robot_id = $1 and $2::uuid is not null order by id desc limit 1 for update',
  marks:
    'select from moments.mark where user_id = $2 and $1::uuid is not null order by moment_id desc limit 1 for update',
  tombstones:
    'select from moments.moment where robot_id = $1 and $2::uuid is not null order by id desc limit 1 for no key update',
}

async function countLeft(client: Client, kind: keyof typeof LEFT): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `with ids as (select $1::uuid, $2::uuid) select count(*)::integer from (${LEFT[kind]}) as counted`,
    [own, person],
  )
  return rows[0]?.count ?? 0
}

/** Kills the process while one kind is going, and starts it again. */
async function crashAmid(kind: keyof typeof LEFT): Promise<void> {
  await onServer(database.adminUrl, async (client) => {
    await client.query('begin')
    await client.query(LAST[kind], [own, person])
    await eventually(async () => expect(await countLeft(client, kind)).toBeLessThan(MOMENTS), { everyMs: 5 })
    await processes.get('moments').kill()
    expect(await countLeft(client, kind)).toBeGreaterThan(0)
    await client.query('rollback')
  })
  await processes.get('moments').restart()
}

async function countRows(text: string): Promise<number> {
  const { rowCount } = await onServer(database.adminUrl, (client) => client.query(text))
  return rowCount ?? 0
}

describe.each(transportsOn(findKafkaBrokers()))('crashes in the middle of an erasure on $on', ({ kafka }) => {
  beforeAll(() => startAll(kafka))
  afterAll(stopAll)

  it('lose nothing: it goes on after each restart, and everything is erased, published and counted once', async () => {
    await seed()
    const asking = new ServiceCaller(processes.get('groups').url, TEST_ASSERTION_SECRET, { id: person })
    expect((await asking.delete('/user-data')).status).toBe(204)
    await crashAmid('moments to hand to the purge')
    await crashAmid('marks')
    // A tombstone that is locked before it is one would hold up the purge, and with it all of this.
    const isUnpurged = `select from moments.moment where robot_id = '${own}' and purged_at is null`
    await eventually(async () => expect(await countRows(isUnpurged)).toBe(0), { everyMs: 5 })
    await crashAmid('tombstones')
    const erasure = await eventually(async () => {
      const { body } = await erasureOf(asking, { id: person })
      expect(body.completedAt).toBeDefined()
      return body
    })
    // Moments and tombstones of one robot, marks and actions on the other, its right, and the robot.
    expect(erasure.services).toContainEqual(expect.objectContaining({ service: 'moments', erased: 4 * MOMENTS + 2 }))
    const left = await moments.db.selectFrom('access').select(['robot_id', 'user_id', 'right']).execute()
    expect(left).toEqual([{ robot_id: shared, user_id: other, right: 'owner' }])
    expect(await countRows('select from moments.robot')).toBe(1)
    expect(await countRows('select from moments.moment where deleted_at is null')).toBe(MOMENTS)
    expect(await countRows('select from moments.moment where deleted_at is not null')).toBe(0)
    expect(await countRows('select from moments.mark union all select from moments.moment_action')).toBe(0)

    await eventually(async () => expect(await countRows('select from moments.outbox')).toBe(0))
    const transport = openTestTransport(kafka, { database, moments })
    const reader = readTopics(transport, TOPICS)
    await eventually(() =>
      expect(reader.counted()).toMatchObject({
        'groups.erasure.requested': [1, 1],
        'groups.erasure.completed': [1, 1],
        'moments.moment.deleted': [MOMENTS, MOMENTS],
        'moments.moment.purged': [MOMENTS, MOMENTS],
        'moments.erasure.completed': [1, 1],
      }),
    )
    await reader.stop()
    await transport.close()
  }, 600_000)
})
