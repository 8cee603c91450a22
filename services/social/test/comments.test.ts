import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Comment, ReplyPage } from '../src/comments/shapes.ts'
import type { Like } from '../src/likes/shapes.ts'
import type { Post } from '../src/posts/shapes.ts'
import { all, type Cast, type GroupType, makeCasts, makeComment, makePost, OUTSIDE, statuses } from './cast.ts'

let platform: Platform
let casts: Record<GroupType, Cast>
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  casts = await makeCasts(platform)
})
afterAll(() => platform.stop())

const UNKNOWN = '00000000-0000-1000-9000-510d9bb07630'

const listed = async (person: Person, postId: string, query = '') =>
  (await person.get<Page<Comment>>(`/posts/${postId}/comments${query}`)).body

describe('commenting', () => {
  it("takes a participant who is not muted on a group's post; reading takes less", async () => {
    for (const [cast, outside] of [
      [casts.Public, { stranger: 403, moderator: 403 }],
      [casts.Private, OUTSIDE],
    ] as const) {
      const postId = await makePost(cast.member, cast.groupId)
      const parent = await makeComment(cast.owner, postId)
      for (const path of [`/posts/${postId}/comments`, `/posts/${postId}/comments/${parent}/replies`]) {
        expect([path, await statuses(cast, (person) => person.post(path, { text: 'Yes' }))]).toEqual([
          path,
          all(201, { muted: 403, ...outside }),
        ])
      }
      for (const path of [
        `/posts/${postId}/comments`,
        `/posts/${postId}/comments/${parent}`,
        `/posts/${postId}/comments/${parent}/replies`,
        `/comments/${parent}`,
      ]) {
        expect([path, await statuses(cast, (person) => person.get(path))]).toEqual([
          path,
          cast === casts.Public ? all(200) : all(200, OUTSIDE),
        ])
      }
    }
  })

  it('is for everybody on a profile post', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const postId = await makePost(ana)
    const commentId = await makeComment(ben, postId)
    const { body } = await ana.get<Comment>(`/comments/${commentId}`)
    expect(body).toMatchObject({
      commentId,
      postId,
      commenterUserId: ben.id,
      text: 'Well said',
      likeCount: 0,
      likedByUser: false,
      edited: false,
      mentions: [],
      moderationStatus: 'posted',
      replyCount: 0,
      moderated: false,
    })
    expect(body).not.toHaveProperty('parentCommentDeleted')
    expect((await ana.get<Comment>(`/posts/${postId}/comments/${commentId}`)).body).toEqual(body)
  })

  it.each([
    ['no text', {}],
    ['an empty text', { text: '' }],
    ['2,001 characters', { text: 'x'.repeat(2001) }],
    ['a mention that does not occur', { text: 'x', mentions: [{ mentionedUserId: UNKNOWN, mentionText: 'y' }] }],
    ['51 mentions', { text: 'x', mentions: Array(51).fill({ mentionedUserId: UNKNOWN, mentionText: 'x' }) }],
  ])('refuses %s', async (_, body) => {
    const ana = platform.person()
    const postId = await makePost(ana)
    expect((await ana.post(`/posts/${postId}/comments`, body)).status).toBe(400)
  })

  it('knows no such post or comment: 404', async () => {
    const ana = platform.person()
    const [postId, other] = [await makePost(ana), await makePost(ana)]
    const commentId = await makeComment(ana, postId)
    expect((await ana.post(`/posts/${UNKNOWN}/comments`, { text: 'x' })).status).toBe(404)
    expect((await ana.post(`/posts/${other}/comments/${commentId}/replies`, { text: 'x' })).status).toBe(404)
    expect((await ana.get(`/posts/${other}/comments/${commentId}`)).status).toBe(404)
    expect((await ana.get(`/comments/${UNKNOWN}`)).status).toBe(404)
    expect((await platform.nobody.get(`/comments/${commentId}`)).status).toBe(401)
  })
})

describe("a post's comments", () => {
  it('are flat, oldest first, replies among them, and counted', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const postId = await makePost(ana)
    const first = await makeComment(ben, postId)
    const reply = await makeComment(ana, postId, first)
    const child = await makeComment(ben, postId, reply)
    const last = await makeComment(ben, postId)
    const { data, total } = await listed(ana, postId)
    expect(data.map(({ commentId }) => commentId)).toEqual([first, reply, child, last])
    expect(total).toBe(4)
    expect(data[1]).toMatchObject({
      parentCommentId: first,
      parentCommentDeleted: false,
      parentComment: { commentId: first, text: 'Well said', commenterUserId: ben.id },
      replyCount: 1,
    })
    expect((await listed(ana, postId, '?limit=2&page=1')).data.map(({ commentId }) => commentId)).toEqual([child, last])
    expect((await listed(ana, postId, '?limit=2&page=2')).data).toEqual([])
    expect((await ben.get<Post>(`/posts/${postId}`)).body).toMatchObject({ commentCount: 4, commentedByUser: true })
  })

  it('leave their replies when they are deleted', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const postId = await makePost(ana)
    const parent = await makeComment(ben, postId)
    const reply = await makeComment(ana, postId, parent)
    expect((await ben.delete(`/posts/${postId}/comments/${parent}`)).status).toBe(204)
    const { data, total } = await listed(ana, postId)
    expect(total).toBe(1)
    expect(data).toMatchObject([{ commentId: reply, parentCommentId: parent, parentCommentDeleted: true }])
    expect(data[0]).not.toHaveProperty('parentComment')
    for (const path of ['', '/replies', '/likes']) {
      expect((await ana.get(`/posts/${postId}/comments/${parent}${path}`)).status).toBe(404)
    }
    expect((await ana.post(`/posts/${postId}/comments/${parent}/replies`, { text: 'x' })).status).toBe(404)
    expect((await ben.delete(`/posts/${postId}/comments/${parent}`)).status).toBe(404)
    expect((await ben.get<Post>(`/posts/${postId}`)).body.commentedByUser).toBe(false)
  })
})

describe('GET …/replies', () => {
  it('goes on at a cursor, which is good for this list only', async () => {
    const ana = platform.person()
    const postId = await makePost(ana)
    const [parent, other] = [await makeComment(ana, postId), await makeComment(ana, postId)]
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await makeComment(ana, postId, parent))
    const path = `/posts/${postId}/comments/${parent}/replies`
    const first = (await ana.get<ReplyPage>(`${path}?limit=2`)).body
    expect(first).toMatchObject({ count: 2, hasMore: true })
    const second = (await ana.get<ReplyPage>(`${path}?limit=3&after=${first.nextCursor}`)).body
    expect(second).toMatchObject({ count: 3, hasMore: false })
    expect(second).not.toHaveProperty('nextCursor')
    expect([...first.data, ...second.data].map(({ commentId }) => commentId)).toEqual(ids)
    const [text = '', signature = ''] = (first.nextCursor ?? '').split('.')
    const forged = Buffer.from(
      Buffer.from(text, 'base64url')
        .toString()
        .replace(/\d{13}/, '1'),
    ).toString('base64url')
    for (const cursor of [
      'x',
      `${text}.`,
      `${text}.${'A'.repeat(43)}`,
      `${forged}.${signature}`,
      `${text}.${signature}.x`,
    ]) {
      expect((await ana.get(`${path}?after=${cursor}`)).status).toBe(400)
    }
    expect((await ana.get(`/posts/${postId}/comments/${other}/replies?after=${first.nextCursor}`)).status).toBe(400)
    expect((await ana.get(`${path}?limit=101`)).status).toBe(400)
  })
})

describe('editing a comment', () => {
  it('is for its author and marks it as edited', async () => {
    const cast = casts.Public
    const postId = await makePost(cast.owner, cast.groupId)
    const commentId = await makeComment(cast.member, postId)
    const path = `/posts/${postId}/comments/${commentId}`
    expect(await statuses(cast, (person) => person.put(path, { text: 'New' }))).toEqual(all(403, { member: 204 }))
    expect((await cast.owner.get<Comment>(path)).body).toMatchObject({ text: 'New', edited: true })
    expect((await cast.member.put(path, {})).status).toBe(400)
  })

  it('marks it as edited once, also when it says the same', async () => {
    const ana = platform.person()
    const postId = await makePost(ana)
    const path = `/posts/${postId}/comments/${await makeComment(ana, postId)}`
    const edit = async () => {
      expect((await ana.put(path, { text: 'Well said' })).status).toBe(204)
      return (await ana.get<Comment>(path)).body
    }
    const edited = await edit()
    expect(edited).toMatchObject({ text: 'Well said', edited: true })
    expect(await edit()).toEqual(edited)
  })
})

describe('deleting a comment', () => {
  it.each([
    ['its author', 'follower', 204],
    ["the post's author", 'member', 204],
    ['an admin of the group', 'admin', 204],
    ['a moderator', 'moderator', 204],
    ['another participant', 'muted', 403],
    ['a stranger', 'stranger', 403],
  ] as const)('by %s', async (_, role, status) => {
    const cast = casts.Public
    const postId = await makePost(cast.member, cast.groupId)
    const commentId = await makeComment(cast.follower, postId)
    expect((await cast[role].delete(`/posts/${postId}/comments/${commentId}`)).status).toBe(status)
    expect((await listed(cast.owner, postId)).total).toBe(status === 204 ? 0 : 1)
  })
})

describe('liking', () => {
  it('toggles, for everybody who may see the post, muted or not', async () => {
    for (const [cast, expected] of [
      [casts.Public, all(200)],
      [casts.Private, all(200, OUTSIDE)],
    ] as const) {
      const postId = await makePost(cast.member, cast.groupId)
      const commentId = await makeComment(cast.member, postId)
      for (const path of [
        `${cast.group}/posts/${postId}`,
        `/posts/${postId}`,
        `/posts/${postId}/comments/${commentId}`,
      ]) {
        expect(await statuses(cast, (person) => person.post(`${path}/like`))).toEqual(expected)
        const likes = (await cast.owner.get<Page<Like>>(`${path}/likes`)).body
        expect(likes.total).toBe(cast === casts.Public ? 7 : 5)
        expect(likes.data).toHaveLength(likes.total)
        expect(await statuses(cast, (person) => person.get(`${path}/likes`))).toEqual(expected)
        expect(await statuses(cast, (person) => person.post(`${path}/like`))).toEqual(expected)
        expect((await cast.owner.get<Page<Like>>(`${path}/likes`)).body).toMatchObject({ data: [], total: 0 })
      }
    }
  })

  it('says what stands now', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const postId = await makePost(ana)
    const commentId = await makeComment(ana, postId)
    for (const [path, more] of [
      [`/posts/${postId}`, {}],
      [`/posts/${postId}/comments/${commentId}`, { commentId }],
    ] as const) {
      const { body: like } = await ben.post<Like>(`${path}/like`)
      expect(like).toEqual({
        likeId: expect.any(String),
        createdAt: expect.any(String),
        postId,
        ...more,
        likeUserId: ben.id,
        isLiked: true,
      })
      expect((await ana.get<Page<Like>>(`${path}/likes`)).body).toMatchObject({ data: [like], total: 1 })
      expect((await ben.post<Like>(`${path}/like`)).body).toEqual({
        postId,
        ...more,
        likeUserId: ben.id,
        isLiked: false,
      })
    }
    expect((await ben.post(`/posts/${UNKNOWN}/like`)).status).toBe(404)
    expect((await ben.post(`/posts/${postId}/comments/${UNKNOWN}/like`)).status).toBe(404)
  })

  it('counts exactly when many toggle at once, also one person twice', async () => {
    const ana = platform.person()
    const postId = await makePost(ana)
    const people = Array.from({ length: 10 }, () => platform.person())
    // An odd number of toggles each: all like it in the end.
    await Promise.all(people.flatMap((person) => [1, 2, 3].map(() => person.post(`/posts/${postId}/like`))))
    expect((await ana.get<Page<Like>>(`/posts/${postId}/likes`)).body.total).toBe(10)
    await Promise.all(people.flatMap((person) => [1, 2].map(() => person.post(`/posts/${postId}/like`))))
    const { body } = await ana.get<Page<Like>>(`/posts/${postId}/likes?limit=100`)
    expect(body.data).toHaveLength(10)
    expect(body.total).toBe(10)
  })
})
