import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import type { Page } from '@platform/http/paging.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import { sql } from 'kysely'
import type { SocialTables } from '../src/db/schema.ts'
import { deleteOnce } from '../src/deletions/finish.ts'
import type { Post } from '../src/posts/shapes.ts'
import { findDrift } from '../src/totals/recount.ts'
import { makeCast, makeComment, makePost } from './cast.ts'
import { openSocial } from './database.ts'

let platform: Platform
let database: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'], env: { DELETION_BATCH_SIZE: '3' } })
  database = openSocial(platform.database)
})
afterAll(async () => {
  await database.close()
  await platform.stop()
})

interface Left {
  posts: number
  comments: number
  likes: number
  marks: number
  work: number
}

/** What is left that hangs on these posts. */
async function left(postIds: string[]): Promise<Left | undefined> {
  const { rows } = await sql<Left>`
    select
      (select count(*) from post where (id = any(${postIds}) or original_post_id = any(${postIds}))
        and deleted_at is null) as posts,
      (select count(*) from comment where post_id = any(${postIds}) and deleted_at is null) as comments,
      (select count(*) from post_like where post_id = any(${postIds}))
        + (select count(*) from comment_like where post_id = any(${postIds})) as likes,
      (select count(*) from post_seen where post_id = any(${postIds}))
        + (select count(*) from post_hide where post_id = any(${postIds})) as marks,
      (select count(*) from deletion where target_id = any(${postIds})) as work`.execute(database.db)
  return rows[0]
}

const NOTHING = { posts: 0, comments: 0, likes: 0, marks: 0, work: 0 }

/** Posts with everything that can hang on a post. */
async function busyPosts(cast: Awaited<ReturnType<typeof makeCast>>, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const id = await makePost(cast.member, cast.groupId)
    ids.push(id)
    for (const person of [cast.owner, cast.admin, cast.follower]) {
      const commentId = await makeComment(person, id)
      await cast.stranger.post(`/posts/${id}/comments/${commentId}/like`)
      await person.post(`/posts/${id}/like`)
    }
    await cast.stranger.put(`/posts/${id}/repost`)
    await cast.stranger.post(`/posts/${id}/hide`)
    await cast.stranger.post(`/posts/${id}/seen`)
  }
  return ids
}

describe('deleting a post', () => {
  it('takes its comments, likes, marks and reposts with it, and theirs', async () => {
    const cast = await makeCast(platform)
    const [id = ''] = await busyPosts(cast, 1)
    const { body } = await cast.stranger.get<Page<Post>>(`/users/${cast.stranger.id}/posts`)
    const repostId = body.data[0]?.id ?? ''
    await cast.member.post(`/posts/${repostId}/like`)
    await cast.member.delete(`${cast.group}/posts/${id}`)
    await eventually(async () => expect(await left([id, repostId])).toEqual(NOTHING))
    const after = await cast.stranger.get<Page<Post>>(`/users/${cast.stranger.id}/posts`)
    expect(after.body).toMatchObject({ data: [], total: 0 })
    expect(await findDrift(database.db)).toEqual([])
  })

  it("takes a deleted comment's likes", async () => {
    const cast = await makeCast(platform)
    const [id = ''] = await busyPosts(cast, 1)
    const { body } = await cast.owner.get<Page<{ commentId: string }>>(`/posts/${id}/comments`)
    await cast.moderator.delete(`/posts/${id}/comments/${body.data[0]?.commentId}`)
    await eventually(async () => expect(await left([id])).toMatchObject({ comments: 2, likes: 5 }))
  })
})

describe('deleting a group', () => {
  it('takes its posts, and all that hangs on them, in batches', async () => {
    const cast = await makeCast(platform)
    const ids = await busyPosts(cast, 5)
    await cast.owner.delete(cast.group)
    await eventually(async () => expect((await cast.stranger.get(`/posts/${ids[0]}`)).status).toBe(404))
    expect((await cast.owner.get(`${cast.group}/feed`)).status).toBe(404)
    expect((await cast.owner.post(`${cast.group}/posts`, { text: 'x' })).status).toBe(404)
    await eventually(async () => expect(await left(ids)).toEqual(NOTHING))
    expect(await findDrift(database.db)).toEqual([])
  })
})

describe('without a process of its own', () => {
  let cloned: TestDatabase
  let database: Database<SocialTables>
  beforeAll(async () => {
    cloned = await cloneDatabase()
    database = openSocial(cloned)
  })
  afterAll(async () => {
    await database.close()
    await cloned.drop()
  })

  const targets = async () => {
    const rows = await database.db.selectFrom('deletion').select('target_id').execute()
    return rows.map(({ target_id }) => target_id)
  }

  /** Waits until one of the service's statements waits for a lock. */
  const whenOneWaits = () =>
    eventually(async () => {
      const { rows } = await sql`
        select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
        database.db,
      )
      expect(rows).toHaveLength(1)
    })

  /** Notes the delete of a comment: the n-th in line, with as many likes. */
  async function noteDeleted({ n, likes, day }: { n: number; likes: number; day: number }): Promise<string> {
    const id = randomUUID()
    await sql`
      insert into deletion (kind, target_id, deleted_at, worked_on_at)
      values ('comment', ${id}, ${new Date(Date.UTC(2026, 0, day))}, now() + ${n} * interval '1 s')`.execute(
      database.db,
    )
    await sql`
      insert into comment_like (id, comment_id, post_id, user_id, created_at)
      select gen_random_uuid(), ${id}, gen_random_uuid(), gen_random_uuid(), now()
      from generate_series(1, ${likes}::integer)`.execute(database.db)
    return id
  }

  it('deletes of different causes are finished at once, and those of one cause together', async () => {
    const { db } = database
    const stuck = await noteDeleted({ n: 1, likes: 1, day: 1 })
    for (const n of [2, 3, 4]) await noteDeleted({ n, likes: 1, day: 2 })
    let first: Promise<boolean> | undefined
    await onServer(cloned.adminUrl, async (client) => {
      await client.query('begin')
      await client.query('select from social.comment_like where comment_id = $1 for update', [stuck])
      first = deleteOnce(db, 10)
      await whenOneWaits()
      expect(await deleteOnce(db, 10)).toBe(true)
      expect(await targets()).toEqual([stuck])
    })
    expect(await first).toBe(true)
    expect(await targets()).toEqual([])
    expect(await deleteOnce(db, 10)).toBe(false)
  })

  it("a post's comments are not held while their likes are waited for: who likes one comes to it after the like", async () => {
    const { db } = database
    const [postId, commentId] = [randomUUID(), randomUUID()]
    await sql`
      insert into comment (id, post_id, author_id, text, like_count, created_at, updated_at)
      values (${commentId}, ${postId}, gen_random_uuid(), 'x', 1, now(), now())`.execute(db)
    await sql`
      insert into comment_like (id, comment_id, post_id, user_id, created_at)
      values (gen_random_uuid(), ${commentId}, ${postId}, gen_random_uuid(), now())`.execute(db)
    await sql`insert into deletion (kind, target_id, deleted_at) values ('post', ${postId}, now())`.execute(db)
    let finishing: Promise<void> | undefined
    await onServer(cloned.adminUrl, async (client) => {
      await client.query(`set deadlock_timeout = '1ms'`)
      await client.query('begin')
      // As a like is taken back: its row first, then what counts it.
      await client.query('delete from social.comment_like where comment_id = $1', [commentId])
      finishing = (async () => {
        while (await deleteOnce(db, 10));
      })()
      await whenOneWaits()
      await client.query('update social.comment set like_count = like_count - 1 where id = $1', [commentId])
      await client.query('commit')
    })
    await finishing
    expect(await targets()).toEqual([])
    expect(await db.selectFrom('comment_like').select('id').where('comment_id', '=', commentId).execute()).toEqual([])
  })

  it('a delete is not taken for finished when others have just taken what it found', async () => {
    const { db } = database
    const id = await noteDeleted({ n: 1, likes: 5, day: 1 })
    let first: Promise<boolean> | undefined
    await onServer(cloned.adminUrl, async (client) => {
      await client.query('begin')
      await client.query(
        `delete from social.comment_like where ctid = any(array(
           select ctid from social.comment_like where comment_id = $1 limit 1))`,
        [id],
      )
      first = deleteOnce(db, 2)
      await whenOneWaits()
      await client.query('commit')
    })
    expect(await first).toBe(true)
    while (await deleteOnce(db, 2));
    expect(await db.selectFrom('comment_like').select('id').where('comment_id', '=', id).execute()).toEqual([])
  })
})
