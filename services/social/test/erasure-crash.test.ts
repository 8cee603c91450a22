import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { onServer } from '@platform/testing/server.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import type { SocialTables } from '../src/db/schema.ts'
import { findDrift } from '../src/totals/recount.ts'
import { openSocial } from './database.ts'
import { type Kafka, readAll, transportsOn, whenAllIsSent } from './transports.ts'

const POSTS = 500
const GROUPS = 800
const TOPICS = [
  'groups.erasure',
  'groups.participant',
  'social.erasure',
  'social.post',
  'social.comment',
  'moderation.erasure',
]

let database: TestDatabase
let social: Database<SocialTables>
let processes: TestProcesses
let person: string
let other: string

async function startAll(kafka: Kafka): Promise<void> {
  person = randomUUID()
  other = randomUUID()
  database = await cloneDatabase()
  social = openSocial(database)
  // So small that there is time to kill somebody before it is over.
  const env = { social: { ERASURE_BATCH_SIZE: '4' }, groups: { ERASURE_BATCH_SIZE: '2' } }
  processes = await startProcesses({ database, kafka, names: ['groups', 'social', 'moderation', 'moments'], env })
}

async function stopAll(): Promise<void> {
  await processes.stop()
  await social.close()
  await database.drop()
}

/** As many posts, comments, likes and reposts by the person, and as many posts of somebody else that they are of. */
async function seedSocial(): Promise<void> {
  const { db } = social
  await sql`
    insert into post (id, author_id, status, text, comment_count, like_count, repost_count, created_at, updated_at)
    select gen_random_uuid(), author_id::uuid, 'published', 'x', count, count, count, now(), now()
    from (values (${person}, 0), (${other}, 1)) as authors (author_id, count), generate_series(1, ${POSTS})`.execute(db)
  await sql`
    insert into post (id, author_id, original_post_id, status, text, created_at, updated_at)
    select gen_random_uuid(), ${person}, id, 'published', '', now(), now()
    from post where author_id = ${other}`.execute(db)
  await sql`
    insert into comment (id, post_id, author_id, text, created_at, updated_at)
    select gen_random_uuid(), id, ${person}, 'x', now(), now() from post where author_id = ${other}`.execute(db)
  await sql`
    insert into post_like select gen_random_uuid(), id, ${person}, now() from post where author_id = ${other}`.execute(
    db,
  )
  await sql`
    insert into user_total values (${person}, ${POSTS}, ${POSTS}), (${other}, ${POSTS}, 0)`.execute(db)
}

/** Groups of somebody else that the person is in. */
async function seedGroups(): Promise<void> {
  await onServer(database.adminUrl, async (client) => {
    await client.query(
      `insert into groups."group" (id, name, description, short_name, post_rules, group_type, owner_id,
         participants_count, created_at, updated_at)
       select gen_random_uuid(), 'x', 'x', 'seed_' || n, 'Everyone', 'Private', $1, 2, now(), now()
       from generate_series(1, $2::integer) as n`,
      [other, GROUPS],
    )
    await client.query(
      `insert into groups.participant (group_id, user_id, is_admin, joined_at)
       select id, each.user_id, each.user_id = owner_id, now()
       from groups."group", unnest($1::uuid[]) as each (user_id)`,
      [[person, other]],
    )
  })
}

type Client = Parameters<Parameters<typeof onServer>[1]>[0]

interface Left {
  social: number
  groups: number
}

/** How many records name the person. */
async function left(client: Client): Promise<Left> {
  const { rows } = await client.query<Left>(
    `select
       (select count(*) from social.post where author_id = $1)::integer
         + (select count(*) from social.comment where author_id = $1)::integer
         + (select count(*) from social.post_like where user_id = $1)::integer as social,
       (select count(*) from groups.participant where user_id = $1)::integer as groups`,
    [person],
  )
  const [counted] = rows
  if (!counted) throw new Error('Nothing was counted.')
  return counted
}

/**
 * Kills the process when its work has gone on and is not done, and starts it again.
 *
 * @param before how many records were left when it was last known to do nothing
 * @returns how many are left
 */
async function crash(name: 'social' | 'groups', before: number): Promise<number> {
  const remaining = await onServer(database.adminUrl, async (client) => {
    await eventually(async () => expect((await left(client))[name]).toBeLessThan(before), { everyMs: 5 })
    await processes.get(name).kill()
    return (await left(client))[name]
  })
  expect(remaining).toBeGreaterThan(0)
  await processes.get(name).restart()
  return remaining
}

async function killAndRestart(name: string): Promise<void> {
  await processes.get(name).kill()
  await processes.get(name).restart()
}

describe.each(transportsOn(findKafkaBrokers()))('crashes in the middle of an erasure on $on', ({ kafka }) => {
  beforeAll(() => startAll(kafka))
  afterAll(stopAll)

  it('lose nothing: it goes on after each restart, and everything is erased, told and counted once', async () => {
    await seedSocial()
    await seedGroups()
    const asking = new ServiceCaller(processes.get('groups').url, TEST_ASSERTION_SECRET, { id: person })
    expect((await asking.delete('/user-data')).status).toBe(204)
    // The coordinator first, with the request perhaps not sent yet; then whoever is at work, groups last.
    await Promise.all(['groups', 'moderation'].map(killAndRestart))
    let ofSocial = 4 * POSTS
    for (let i = 0; i < 3; i++) ofSocial = await crash('social', ofSocial)
    let ofGroups = GROUPS
    for (let i = 0; i < 2; i++) ofGroups = await crash('groups', ofGroups)

    const erasure = await eventually(async () => {
      const { body } = await asking.get<{ completedAt?: string; services: { service: string; erased: number }[] }>(
        `/user-data/erasures/${person}`,
      )
      expect(body.completedAt).toBeDefined()
      return body
    })
    // Own posts, reposts, comments, likes, and the totals' row.
    expect(Object.fromEntries(erasure.services.map(({ service, erased }) => [service, erased]))).toEqual({
      groups: GROUPS,
      social: 4 * POSTS + 1,
      moderation: 0,
      moments: 0,
    })
    expect(await onServer(database.adminUrl, left)).toEqual({ social: 0, groups: 0 })
    await eventually(async () =>
      expect(await social.db.selectFrom('deletion').select('target_id').execute()).toEqual([]),
    )
    expect(await findDrift(social.db)).toEqual([])
    await whenAllIsSent(database)
    const told = readAll(kafka, TOPICS, { database, social })
    const expected = {
      'groups.erasure.requested': [1, 1],
      'groups.erasure.completed': [1, 1],
      'social.erasure.completed': [1, 1],
      'moderation.erasure.completed': [1, 1],
      'social.post.deleted': [2 * POSTS, 2 * POSTS],
      'social.post.unliked': [POSTS, POSTS],
      'social.comment.deleted': [POSTS, POSTS],
      'groups.participant.left': [GROUPS, GROUPS],
    }
    await eventually(() => expect(told.counted()).toMatchObject(expected))
    await told.stop()
    const { rows } = await onServer(database.adminUrl, (client) =>
      client.query('select distinct participants_count from groups."group"'),
    )
    expect(rows).toEqual([{ participants_count: 1 }])
  }, 600_000)
})
