import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { findKafkaBrokers } from '@platform/testing/kafka.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import type { SocialTables } from '../src/db/schema.ts'
import { findDrift } from '../src/totals/recount.ts'
import { created } from './cast.ts'
import { openSocial } from './database.ts'
import { type Kafka, readAll, transportsOn, whenAllIsSent } from './transports.ts'

let database: TestDatabase
let social: Database<SocialTables>
let processes: TestProcesses

async function startAll(kafka: Kafka): Promise<void> {
  database = await cloneDatabase()
  social = openSocial(database)
  const env = { social: { DELETION_BATCH_SIZE: '2' } }
  processes = await startProcesses({ database, kafka, names: ['groups', 'social'], env })
}

async function stopAll(): Promise<void> {
  await processes.stop()
  await social.close()
  await database.drop()
}

const POSTS = 400

interface Left {
  posts: number
  comments: number
  likes: number
  work: number
}

async function left(groupId: string): Promise<Left> {
  const { rows } = await sql<Left>`
    with ours as materialized (select id, deleted_at from post where group_id = ${groupId})
    select
      (select count(*) from ours where deleted_at is null) as posts,
      (select count(*) from comment where post_id in (select id from ours) and deleted_at is null) as comments,
      (select count(*) from post_like where post_id in (select id from ours)) as likes,
      (select count(*) from deletion) as work`.execute(social.db)
  const [counted] = rows
  if (!counted) throw new Error('Nothing was counted.')
  return counted
}

describe.each(transportsOn(findKafkaBrokers()))('a crash in the middle of deleting a group on $on', ({ kafka }) => {
  beforeAll(() => startAll(kafka))
  afterAll(stopAll)

  it('leaves nothing behind after the restart, and announces each delete once', async () => {
    const owner = randomUUID()
    const as = (name: string) =>
      new ServiceCaller(processes.get(name).url, TEST_ASSERTION_SECRET, { id: owner, roles: ['user'] })
    const shortName = `g_${randomUUID().slice(0, 8)}`
    const group = { name: 'Runners', description: 'We run.', shortName, postRules: 'Everyone' }
    const groupId = created(await as('groups').post<{ id: string }>('/groups', group))
    const first = created(await as('social').post<{ id: string }>(`/groups/${groupId}/posts`, { text: 'x' }))
    await sql`
      insert into post (id, author_id, group_id, status, text, created_at, updated_at)
      select gen_random_uuid(), author_id, group_id, 'published', 'x', now(), now()
      from post, generate_series(2, ${POSTS}) where id = ${first}`.execute(social.db)
    await sql`update group_total set published_count = ${POSTS} where group_id = ${groupId}`.execute(social.db)
    await sql`
      insert into comment (id, post_id, author_id, text, created_at, updated_at)
      select gen_random_uuid(), id, author_id, 'x', now(), now() from post`.execute(social.db)
    await sql`insert into post_like select gen_random_uuid(), id, author_id, now() from post`.execute(social.db)
    await sql`update post set comment_count = 1, like_count = 1`.execute(social.db)

    expect((await as('groups').delete(`/groups/${groupId}`)).status).toBe(204)
    for (let crash = 0; crash < 3; crash++) {
      const before = await eventually(async () => {
        const now = await left(groupId)
        expect(now.work).toBeGreaterThan(0)
        return now
      })
      await eventually(async () => expect(await left(groupId)).not.toEqual(before))
      await processes.get('social').kill()
      expect((await left(groupId)).work).toBeGreaterThan(0)
      await processes.get('social').restart()
    }
    await eventually(async () => expect(await left(groupId)).toEqual({ posts: 0, comments: 0, likes: 0, work: 0 }), {
      timeoutMs: 60_000,
    })
    expect(await findDrift(social.db)).toEqual([])
    const { rows } = await sql<{ versions: number[] }>`
      select array_agg(distinct version) as versions from (
        select version from post where group_id = ${groupId} union all select version from comment
      ) as each`.execute(social.db)
    expect(rows[0]?.versions).toEqual([2])
    await whenAllIsSent(database)
    const told = readAll(kafka, ['social.post', 'social.comment'], { database, social })
    // Neither less nor more: what is sent again after a crash is the same event.
    const deletes = { 'social.post.deleted': [POSTS, POSTS], 'social.comment.deleted': [POSTS, POSTS] }
    await eventually(() => expect(told.counted()).toMatchObject(deletes))
    await told.stop()
  })
})
