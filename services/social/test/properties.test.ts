import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import type { Page } from '@platform/http/paging.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import fc from 'fast-check'
import type { Comment, ReplyPage } from '../src/comments/shapes.ts'
import type { SocialTables } from '../src/db/schema.ts'
import type { Post } from '../src/posts/shapes.ts'
import { findDrift, mendDrift } from '../src/totals/recount.ts'
import { makeComment, makeGroup, makePost } from './cast.ts'
import { openSocial } from './database.ts'

let platform: Platform
let database: Database<SocialTables>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  database = openSocial(platform.database)
})
afterAll(async () => {
  await database.close()
  await platform.stop()
})

const pick = <T>(list: T[], n: number): T | undefined => list[n % list.length]

describe('the kept numbers', () => {
  it('equal a recount after random operations at once', async () => {
    const operation = fc.record({
      what: fc.constantFrom(
        'like',
        'like',
        'comment',
        'reply',
        'likeComment',
        'repost',
        'hide',
        'post',
        'suggest',
        'approve',
        'deleteComment',
        'deletePost',
      ),
      who: fc.nat(),
      post: fc.nat(),
      comment: fc.nat(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { minLength: 5, maxLength: 12 }), { minLength: 2, maxLength: 3 }),
        async (rounds) => {
          const people = Array.from({ length: 4 }, () => platform.person())
          const [owner] = people as [Person]
          const groupId = await makeGroup(owner, { postRules: 'AdminApproval' })
          for (const person of people) await person.post(`/groups/${groupId}/follow`)
          const posts = await Promise.all([
            makePost(owner, groupId),
            ...people.map((person) => makePost(person)),
            ...people.map((person) => makePost(person, groupId)),
          ])
          const comments: { id: string; postId: string }[] = []
          for (const postId of posts.slice(0, 3)) comments.push({ id: await makeComment(owner, postId), postId })
          const act = async ({
            what,
            who,
            post,
            comment,
          }: {
            what: string
            who: number
            post: number
            comment: number
          }) => {
            const person = pick(people, who) ?? owner
            const postId = pick(posts, post) ?? ''
            const on = pick(comments, comment)
            const onComment = `/posts/${on?.postId}/comments/${on?.id}`
            const requests: Record<string, () => Promise<{ status: number }>> = {
              like: () => person.post(`/posts/${postId}/like`),
              comment: () => person.post(`/posts/${postId}/comments`, { text: 'x' }),
              reply: () => person.post(`${onComment}/replies`, { text: 'x' }),
              likeComment: () => person.post(`${onComment}/like`),
              repost: () => person.post(`/posts/${postId}/repost`),
              hide: () => person.post(`/posts/${postId}/hide`),
              post: () => person.post(`/groups/${groupId}/posts`, { text: 'x' }),
              suggest: () => person.post(`/groups/${groupId}/posts/${postId}/suggest`),
              approve: () => owner.post(`/groups/${groupId}/posts/${postId}/approve`),
              deleteComment: () => owner.delete(onComment),
              deletePost: () => person.delete(`/posts/${postId}`),
            }
            const answer = await requests[what]?.()
            expect(answer?.status).toBeLessThan(500)
          }
          for (const round of rounds) await Promise.all(round.map(act))
          await eventually(async () => {
            const { length } = await database.db.selectFrom('deletion').selectAll().execute()
            expect(length).toBe(0)
          })
          expect(await findDrift(database.db)).toEqual([])
          const feed = (await owner.get<Page<Post>>(`/groups/${groupId}/feed?limit=100`)).body
          expect(feed.data).toHaveLength(feed.total)
        },
      ),
      { numRuns: 8 },
    )
  })

  it('are found to have drifted, and set right, by a recount', async () => {
    const ana = platform.person()
    const postId = await makePost(ana)
    await ana.post(`/posts/${postId}/like`)
    const { db } = database
    await db.updateTable('post').set({ like_count: 5 }).where('id', '=', postId).execute()
    await db.deleteFrom('user_total').where('user_id', '=', ana.id).execute()
    const drifts = await findDrift(db)
    expect(drifts).toEqual([
      { counter: 'post.like_count', id: postId, kept: 5, counted: 1 },
      { counter: 'user_total.created_count', id: ana.id, kept: 0, counted: 1 },
    ])
    for (const drift of drifts) await mendDrift(db, drift)
    expect(await findDrift(db)).toEqual([])
    expect((await ana.get<Page<Post>>(`/users/${ana.id}/posts`)).body.total).toBe(1)
  })
})

describe('lists, while they change', () => {
  it("skip nothing and repeat nothing of a comment's replies that were there throughout", async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (count, limit, changes) => {
          const postId = await makePost(ana)
          const parent = await makeComment(ana, postId)
          const stay: string[] = []
          const go: string[] = []
          for (let i = 0; i < count; i++) (i % 3 === 2 ? go : stay).push(await makeComment(ben, postId, parent))
          const seen: string[] = []
          let after: string | undefined
          do {
            const query = after === undefined ? '' : `&after=${after}`
            const path = `/posts/${postId}/comments/${parent}/replies?limit=${limit}${query}`
            const { body } = await ana.get<ReplyPage>(path)
            seen.push(...body.data.map(({ commentId }: Comment) => commentId))
            after = body.nextCursor
            const change = changes.pop()
            const gone = change === undefined || change % 2 ? undefined : go.pop()
            if (gone !== undefined) await ana.delete(`/posts/${postId}/comments/${gone}`)
            else if (change !== undefined) await makeComment(ben, postId, parent)
          } while (after !== undefined)
          expect(new Set(seen).size).toBe(seen.length)
          expect(seen.filter((id) => stay.includes(id))).toEqual(stay)
        },
      ),
      { numRuns: 8 },
    )
  })

  it('skip nothing and repeat nothing of the posts that were in a feed throughout, read by its cursors', async () => {
    const [ana, ben, cat] = [platform.person(), platform.person(), platform.person()]
    const change = fc.record({ what: fc.constantFrom('write', 'hide', 'show', 'delete', 'approve'), which: fc.nat() })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 8 }),
        async (count, limit, changes) => {
          const groupId = await makeGroup(ana, { postRules: 'AdminApproval' })
          await cat.post(`/groups/${groupId}/follow`)
          const [stay, go, hidden, waiting]: [string[], string[], string[], string[]] = [[], [], [], []]
          for (let i = 0; i < count; i++) {
            waiting.push(await makePost(cat, groupId))
            const id = await makePost(ana, groupId)
            if (i % 4 === 3) hidden.push(id)
            else (i % 4 === 1 ? go : stay).unshift(id)
          }
          for (const id of hidden) await ben.post(`/posts/${id}/hide`)
          const doOne = async ({ what, which }: { what: string; which: number }) => {
            if (what === 'write') await makePost(ana, groupId)
            const id = pick({ hide: go, show: hidden, delete: go, approve: waiting }[what] ?? [], which)
            if (id === undefined) return
            if (what === 'delete') await ana.delete(`/groups/${groupId}/posts/${id}`)
            else if (what === 'approve') await ana.post(`/groups/${groupId}/posts/${id}/approve`)
            else await ben.post(`/posts/${id}/hide`)
          }
          const seen: string[] = []
          let after: string | undefined
          do {
            const query = after === undefined ? '' : `&after=${after}`
            const { body } = await ben.get<Page<Post> & { nextCursor?: string }>(
              `/groups/${groupId}/feed?limit=${limit}${query}`,
            )
            seen.push(...body.data.map(({ id }) => id))
            after = body.nextCursor
            for (const one of changes.pop() ?? []) await doOne(one)
          } while (after !== undefined)
          expect(new Set(seen).size).toBe(seen.length)
          expect(seen.filter((id) => stay.includes(id))).toEqual(stay)
        },
      ),
      { numRuns: 12 },
    )
  })

  it.each([
    {
      list: "a post's comments",
      path: (_: Person, postId: string) => `/posts/${postId}/comments`,
      add: (ana: Person, postId: string) => makeComment(ana, postId),
      remove: (ana: Person, postId: string, id: string) => ana.delete(`/posts/${postId}/comments/${id}`),
      isOldestFirst: true,
    },
    {
      list: "a profile's posts",
      path: ({ id }: Person) => `/users/${id}/posts?type=all`,
      add: (ana: Person) => makePost(ana),
      remove: (ana: Person, _: string, id: string) => ana.delete(`/posts/${id}`),
      isOldestFirst: false,
    },
  ])('skip nothing and repeat nothing of $list that stay, read by cursors', async ({ path, add, remove, ...list }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.boolean(), { maxLength: 6 }),
        async (count, limit, changes) => {
          const [owner, ana] = [platform.person(), platform.person()]
          const postId = await makePost(owner)
          const [stay, go]: [string[], string[]] = [[], []]
          for (let i = 0; i < count; i++) (i % 2 ? go : stay).push(await add(ana, postId))
          if (!list.isOldestFirst) stay.reverse()
          const seen: string[] = []
          let after: string | undefined
          do {
            const query = `limit=${limit}${after === undefined ? '' : `&after=${after}`}`
            const at = path(ana, postId)
            const { body } = await owner.get<Page<{ id: string; commentId: string }> & { nextCursor?: string }>(
              `${at}${at.includes('?') ? '&' : '?'}${query}`,
            )
            seen.push(...body.data.map(({ id, commentId }) => commentId ?? id))
            after = body.nextCursor
            const isRemoval = changes.pop()
            const gone = isRemoval ? go.pop() : undefined
            if (gone !== undefined) expect((await remove(ana, postId, gone)).status).toBe(204)
            else if (isRemoval === false) await add(ana, postId)
          } while (after !== undefined)
          expect(new Set(seen).size).toBe(seen.length)
          expect(seen.filter((id) => stay.includes(id))).toEqual(stay)
        },
      ),
      { numRuns: 8 },
    )
  })

  it('give every post of a feed once, with a total that fits, whatever is hidden and deleted between two readings', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const groupId = await makeGroup(ana)
    const posts: string[] = []
    for (let i = 0; i < 8; i++) posts.unshift(await makePost(ana, groupId))
    const hidden = new Set<string>()
    const change = fc.record({
      what: fc.constantFrom('hide', 'delete', 'write'),
      which: fc.nat(),
      limit: fc.integer({ min: 1, max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ what, which, limit }) => {
        const id = pick(posts, which)
        if (what === 'write' || id === undefined) posts.unshift(await makePost(ana, groupId))
        else if (what === 'hide') {
          const { body } = await ben.post<{ hidden: boolean }>(`/posts/${id}/hide`)
          if (body.hidden) hidden.add(id)
          else hidden.delete(id)
        } else {
          await ana.delete(`/groups/${groupId}/posts/${id}`)
          posts.splice(posts.indexOf(id), 1)
        }
        const expected = posts.filter((post) => !hidden.has(post))
        const read: string[] = []
        for (let page = 0; page * limit < expected.length + 1; page++) {
          const { body } = await ben.get<Page<Post>>(`/groups/${groupId}/feed?page=${page}&limit=${limit}`)
          expect(body.total).toBe(expected.length)
          read.push(...body.data.map((post) => post.id))
        }
        expect(read).toEqual(expected)
      }),
      { numRuns: 25 },
    )
  })
})
