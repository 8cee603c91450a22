import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Comment, ReplyPage } from '../src/comments/shapes.ts'
import type { Post } from '../src/posts/shapes.ts'
import { makeCast, makeComment, makeGroup, makePost } from './cast.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

const PICTURE = '00000000-0000-1000-9000-510d9bb07630'

/** Moves a post or a comment, and waits until the service shows it. */
async function move(moderator: Person, kind: 'posts' | 'comments', id: string, status: string): Promise<void> {
  const answer = await moderator.post(`/moderation/${kind}/${id}/transitions`, { status })
  expect(answer.status).toBe(200)
  await eventually(async () => {
    const { body } = await moderator.get<{ moderationStatus: string }>(`/${kind}/${id}`)
    expect(body.moderationStatus).toBe(status)
  })
}

describe('a post that moderation took out of sight', () => {
  it('is redacted wherever it shows, but for its author and moderators, and still counts', async () => {
    const cast = await makeCast(platform)
    const content = {
      text: 'Bad words @x',
      mediaIds: [PICTURE],
      mentions: [{ mentionedUserId: PICTURE, mentionText: '@x' }],
      uri: 'geo:59.91,10.75',
    }
    const id = await makePost(cast.member, cast.groupId, content)
    await cast.stranger.put(`/posts/${id}/repost`)
    const places: [string, (person: Person) => Promise<Post | undefined>][] = [
      ['read', async (person) => (await person.get<Post>(`${cast.group}/posts/${id}`)).body],
      ['feed', async (person) => (await person.get<Page<Post>>(`${cast.group}/feed`)).body.data[0]],
      ['ids', async (person) => (await person.get<Post[]>(`/posts?postIds=${id}`)).body[0]],
      [
        'original',
        async (person) => (await person.get<Page<Post>>(`/users/${cast.stranger.id}/posts`)).body.data[0]?.originalPost,
      ],
    ]
    const redacted = { text: '[redacted]', mediaIds: [], mentions: [], moderated: true }
    for (const status of ['review', 'flagged', 'rejected']) {
      await move(cast.moderator, 'posts', id, status)
      for (const [place, read] of places) {
        const shown = await read(cast.follower)
        expect([place, shown]).toMatchObject([place, { ...redacted, id, moderationStatus: status }])
        expect(shown).not.toHaveProperty('location')
        for (const role of ['member', 'moderator'] as const) {
          expect([place, role, await read(cast[role])]).toMatchObject([
            place,
            role,
            { text: content.text, moderated: false, location: expect.any(Object) },
          ])
        }
      }
    }
    expect((await cast.follower.get<Page<Post>>(`${cast.group}/feed`)).body.total).toBe(1)
    await move(cast.moderator, 'posts', id, 'approved')
    expect((await cast.follower.get<Post>(`/posts/${id}`)).body).toMatchObject({ text: content.text, moderated: false })
  })

  it('goes to review by itself when its author edits what was rejected', async () => {
    const [ana, moderator] = [platform.person(), platform.person({ roles: ['moderator'] })]
    const id = await makePost(ana)
    await move(moderator, 'posts', id, 'rejected')
    await ana.put(`/posts/${id}`, { text: 'Better words' })
    await eventually(async () => {
      expect((await ana.get<Post>(`/posts/${id}`)).body.moderationStatus).toBe('review')
    })
  })
})

describe('a comment that moderation took out of sight', () => {
  it('is redacted in lists, single reads and previews', async () => {
    const [ana, ben, moderator] = [platform.person(), platform.person(), platform.person({ roles: ['moderator'] })]
    const postId = await makePost(ana)
    const commentId = await makeComment(ben, postId)
    const replyId = await makeComment(ana, postId, commentId)
    await move(moderator, 'comments', commentId, 'flagged')
    const read = async (person: Person) => {
      const single = (await person.get<Comment>(`/comments/${commentId}`)).body
      const reply = (await person.get<Comment>(`/comments/${replyId}`)).body
      const listed = (await person.get<Page<Comment>>(`/posts/${postId}/comments`)).body.data
      const replies = (await person.get<ReplyPage>(`/posts/${postId}/comments/${commentId}/replies`)).body.data
      return [single.text, listed[0]?.text, reply.parentComment?.text, replies[0]?.parentComment?.text]
    }
    expect(await read(ana)).toEqual(Array(4).fill('[redacted]'))
    for (const person of [ben, moderator]) expect(await read(person)).toEqual(Array(4).fill('Well said'))
    expect((await ana.get<Comment>(`/comments/${commentId}`)).body).toMatchObject({ moderated: true, mentions: [] })
  })
})

describe('what moderators see', () => {
  it('has posts and comments with their content, and their authors', async () => {
    const [ana, ben, moderator] = [platform.person(), platform.person(), platform.person({ roles: ['moderator'] })]
    const groupId = await makeGroup(ana)
    const postId = await makePost(ana, groupId, { text: 'A post' })
    await ben.post(`/groups/${groupId}/follow`)
    const commentId = await makeComment(ben, postId)
    await move(moderator, 'posts', postId, 'review')
    await move(moderator, 'comments', commentId, 'rejected')
    const posts = await moderator.get<object[]>(`/moderation/subjects/${ana.id}/posts`)
    expect(posts.body).toMatchObject([{ id: postId, text: 'A post', moderationStatus: 'review' }])
    const comments = await moderator.get<object[]>(`/moderation/subjects/${ben.id}/comments`)
    expect(comments.body).toMatchObject([{ commentId, text: 'Well said', moderationStatus: 'rejected' }])
    expect((await ana.get(`/moderation/subjects/${ana.id}/posts`)).status).toBe(403)
  })

  it('knows a post of a moment ago, and forgets a deleted one', async () => {
    const [ana, moderator] = [platform.person(), platform.person({ roles: ['moderator'] })]
    const id = await makePost(ana)
    expect((await moderator.post(`/moderation/posts/${id}/transitions`, { status: 'flagged' })).status).toBe(200)
    await ana.delete(`/posts/${id}`)
    await eventually(async () => {
      expect((await moderator.get(`/moderation/subjects/${ana.id}/posts`)).body).toEqual([])
    })
    expect((await ana.post('/reports', { entityType: 'post', entityId: id, reason: 'spam' })).status).toBe(404)
  })
})
