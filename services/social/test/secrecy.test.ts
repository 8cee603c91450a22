import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer, Refusal } from '@platform/testing/client.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { makeCast, makeComment, makePost } from './cast.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.stop())

type Ask = (person: Person, ids: { postId: string; commentId: string }) => Promise<Answer<Refusal>>

const REQUESTS: [string, Ask][] = [
  ['GET /posts/{postId}', (person, { postId }) => person.get(`/posts/${postId}`)],
  ['POST /posts/{postId}/like', (person, { postId }) => person.post(`/posts/${postId}/like`)],
  ['POST /posts/{postId}/hide', (person, { postId }) => person.post(`/posts/${postId}/hide`)],
  ['PUT /posts/{postId}/repost', (person, { postId }) => person.put(`/posts/${postId}/repost`)],
  ['GET /posts/{postId}/reposters', (person, { postId }) => person.get(`/posts/${postId}/reposters`)],
  ['DELETE /posts/{postId}', (person, { postId }) => person.delete(`/posts/${postId}`)],
  ['GET /posts/{postId}/comments', (person, { postId }) => person.get(`/posts/${postId}/comments`)],
  ['POST /posts/{postId}/comments', (person, { postId }) => person.post(`/posts/${postId}/comments`, { text: 'x' })],
  ['GET /comments/{commentId}', (person, { commentId }) => person.get(`/comments/${commentId}`)],
  [
    'DELETE /posts/{postId}/comments/{commentId}',
    (person, { postId, commentId }) => person.delete(`/posts/${postId}/comments/${commentId}`),
  ],
]

describe('to a stranger', () => {
  it.each(REQUESTS)('%s says of a Private group what it says of nothing', async (_, ask) => {
    const { member, stranger, groupId } = await makeCast(platform, { groupType: 'Private' })
    const postId = await makePost(member, groupId)
    const commentId = await makeComment(member, postId)
    const hidden = await ask(stranger, { postId, commentId })
    const nothing = await ask(stranger, { postId: randomUUID(), commentId: randomUUID() })
    expect(hidden.status).toBe(404)
    const said = ({ body }: Answer<Refusal>) => body.errors.map(({ code, message }) => ({ code, message }))
    expect(said(hidden)).toEqual(said(nothing))
  })
})
