import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Answer, Refusal } from '@platform/testing/client.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { makeCast, makeComment, makePost } from './cast.ts'

let platform: Platform
let stranger: Person
/** In a Private group. */
let there: Ids
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  const cast = await makeCast(platform, { groupType: 'Private' })
  const post = await makePost(cast.member, cast.groupId)
  stranger = cast.stranger
  there = { group: cast.group, post, comment: await makeComment(cast.member, post) }
})
afterAll(() => platform.stop())

const UNKNOWN = randomUUID()

type Ids = Record<'group' | 'post' | 'comment', string>
type Ask = (person: Person, ids: Ids) => Promise<Answer<Refusal>>

const ofPost = ({ post }: Ids, rest = '') => `/posts/${post}${rest}`
const ofGroup = ({ group, post }: Ids, rest = '') => `${group}/posts/${post}${rest}`
const ofComment = ({ post, comment }: Ids, rest = '') => `/posts/${post}/comments/${comment}${rest}`
const TEXT = { text: 'x' }

const REQUESTS: [string, Ask][] = [
  ['GET /posts/{postId}', (person, ids) => person.get(ofPost(ids))],
  ['DELETE /posts/{postId}', (person, ids) => person.delete(ofPost(ids))],
  ['GET /posts/{postId}/likes', (person, ids) => person.get(ofPost(ids, '/likes'))],
  ['POST /posts/{postId}/like', (person, ids) => person.post(ofPost(ids, '/like'))],
  ['POST /posts/{postId}/hide', (person, ids) => person.post(ofPost(ids, '/hide'))],
  ['POST /posts/{postId}/seen', (person, ids) => person.post(ofPost(ids, '/seen'))],
  ['PUT /posts/{postId}/repost', (person, ids) => person.put(ofPost(ids, '/repost'))],
  ['POST /posts/{postId}/repost', (person, ids) => person.post(ofPost(ids, '/repost'))],
  ['DELETE /posts/{postId}/repost', (person, ids) => person.delete(ofPost(ids, '/repost'))],
  ['GET /posts/{postId}/reposters', (person, ids) => person.get(ofPost(ids, '/reposters'))],
  ['GET /posts/{postId}/comments', (person, ids) => person.get(ofPost(ids, '/comments'))],
  ['POST /posts/{postId}/comments', (person, ids) => person.post(ofPost(ids, '/comments'), TEXT)],
  ['GET /groups/{groupId}/feed', (person, { group }) => person.get(`${group}/feed`)],
  ['POST /groups/{groupId}/posts', (person, { group }) => person.post(`${group}/posts`, TEXT)],
  ['GET /groups/{groupId}/posts/suggested', (person, { group }) => person.get(`${group}/posts/suggested`)],
  ['GET …/posts/{postId}', (person, ids) => person.get(ofGroup(ids))],
  ['PUT …/posts/{postId}', (person, ids) => person.put(ofGroup(ids), TEXT)],
  ['DELETE …/posts/{postId}', (person, ids) => person.delete(ofGroup(ids))],
  ['GET …/posts/{postId}/likes', (person, ids) => person.get(ofGroup(ids, '/likes'))],
  ['POST …/posts/{postId}/like', (person, ids) => person.post(ofGroup(ids, '/like'))],
  ['POST …/posts/{postId}/suggest', (person, ids) => person.post(ofGroup(ids, '/suggest'))],
  ['POST …/posts/{postId}/approve', (person, ids) => person.post(ofGroup(ids, '/approve'))],
  ['POST …/posts/{postId}/decline', (person, ids) => person.post(ofGroup(ids, '/decline'))],
  ['POST …/pictures/{pictureId}', (person, ids) => person.post(ofGroup(ids, `/pictures/${UNKNOWN}`))],
  ['DELETE …/pictures/{pictureId}', (person, ids) => person.delete(ofGroup(ids, `/pictures/${UNKNOWN}`))],
  ['GET /comments/{commentId}', (person, { comment }) => person.get(`/comments/${comment}`)],
  ['GET …/comments/{commentId}', (person, ids) => person.get(ofComment(ids))],
  ['PUT …/comments/{commentId}', (person, ids) => person.put(ofComment(ids), TEXT)],
  ['DELETE …/comments/{commentId}', (person, ids) => person.delete(ofComment(ids))],
  ['GET …/comments/{commentId}/likes', (person, ids) => person.get(ofComment(ids, '/likes'))],
  ['POST …/comments/{commentId}/like', (person, ids) => person.post(ofComment(ids, '/like'))],
  ['GET …/comments/{commentId}/replies', (person, ids) => person.get(ofComment(ids, '/replies'))],
  ['POST …/comments/{commentId}/replies', (person, ids) => person.post(ofComment(ids, '/replies'), TEXT)],
]

describe('to a stranger', () => {
  it.each(REQUESTS)('%s says of a Private group what it says of nothing', async (_, ask) => {
    const hidden = await ask(stranger, there)
    const nothing = await ask(stranger, { group: `/groups/${UNKNOWN}`, post: UNKNOWN, comment: UNKNOWN })
    expect(hidden.status).toBe(404)
    const said = ({ body }: Answer<Refusal>) => body.errors.map(({ code, message }) => ({ code, message }))
    expect(said(hidden)).toEqual(said(nothing))
  })
})
