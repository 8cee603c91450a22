import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { Answer } from '@platform/testing/client.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Post } from '../src/posts/shapes.ts'
import { type Cast, makeCast, makeComment, makePost, whileForgotten } from './cast.ts'

/**
 * Whatever takes a place in a group is open at once to whoever was given it, though our copy knows nothing of it. The
 * groups are Private, so that without it they do not even exist.
 */

let platform: Platform
let cast: Cast
/** Where posts wait. */
let approving: Cast
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
  const options = { groupType: 'Private' } as const
  ;[cast, approving] = await Promise.all([
    makeCast(platform, options),
    makeCast(platform, { ...options, postRules: 'AdminApproval' }),
  ])
})
afterAll(() => platform.stop())

/** What is there before somebody asks; what is theirs is the asking person's own. */
interface There {
  group: string
  /** Of the member's. */
  post: string
  comment: string
  ownPost: string
  ownComment: string
  profilePost: string
}

async function make({ group, groupId, member }: Cast, person: Person): Promise<There> {
  const post = await makePost(member, groupId)
  const comment = await makeComment(member, post)
  const ownComment = await makeComment(person, post)
  const [ownPost, profilePost] = [await makePost(person, groupId), await makePost(person)]
  return { group, post, comment, ownPost, ownComment, profilePost }
}

type Ask = (person: Person, there: There) => Promise<Answer<unknown>>
const TEXT = { text: 'Here I am' }
const PICTURE = randomUUID()

const POSTS: [string, number, Ask][] = [
  ['POST /groups/{groupId}/posts', 201, (person, { group }) => person.post(`${group}/posts`, TEXT)],
  [
    'POST /groups/{groupId}/posts with an address',
    201,
    (person, { group }) => person.post(`${group}/posts`, { ...TEXT, uri: 'geo:59.91,10.75' }),
  ],
  ['GET /groups/{groupId}/feed', 200, (person, { group }) => person.get(`${group}/feed`)],
  ['GET …/posts/suggested', 200, (person, { group }) => person.get(`${group}/posts/suggested`)],
  ['GET /groups/{groupId}/posts/{postId}', 200, (person, { group, post }) => person.get(`${group}/posts/${post}`)],
  ['GET /posts/{postId}', 200, (person, { post }) => person.get(`/posts/${post}`)],
  ['PUT …/posts/{postId}', 204, (person, { group, ownPost }) => person.put(`${group}/posts/${ownPost}`, TEXT)],
  [
    'PUT …/posts/{postId} with an address',
    204,
    (person, { group, ownPost }) => person.put(`${group}/posts/${ownPost}`, { ...TEXT, uri: 'geo:59.91,10.75' }),
  ],
  [
    'POST …/pictures/{pictureId}',
    204,
    (person, { group, ownPost }) => person.post(`${group}/posts/${ownPost}/pictures/${PICTURE}`),
  ],
  [
    'DELETE …/pictures/{pictureId}',
    204,
    (person, { group, ownPost }) => person.delete(`${group}/posts/${ownPost}/pictures/${PICTURE}`),
  ],
  ['POST …/suggest', 204, (person, { group, profilePost }) => person.post(`${group}/posts/${profilePost}/suggest`)],
  ['POST …/hide', 200, (person, { post }) => person.post(`/posts/${post}/hide`)],
  ['POST …/seen', 204, (person, { post }) => person.post(`/posts/${post}/seen`)],
  ['GET …/reposters', 200, (person, { post }) => person.get(`/posts/${post}/reposters`)],
  // Nobody reposts from a Private group, but they hear why not.
  ['PUT …/repost', 403, (person, { post }) => person.put(`/posts/${post}/repost`)],
  ['POST …/repost', 403, (person, { post }) => person.post(`/posts/${post}/repost`)],
  ['DELETE …/repost', 200, (person, { post }) => person.delete(`/posts/${post}/repost`)],
  ['POST …/like', 200, (person, { post }) => person.post(`/posts/${post}/like`)],
  ['POST …/like in the group', 200, (person, { group, post }) => person.post(`${group}/posts/${post}/like`)],
  ['GET …/likes', 200, (person, { post }) => person.get(`/posts/${post}/likes`)],
  ['GET …/likes in the group', 200, (person, { group, post }) => person.get(`${group}/posts/${post}/likes`)],
]

const at = (post: string, comment: string) => `/posts/${post}/comments/${comment}`
const COMMENTS: [string, number, Ask][] = [
  ['GET …/comments', 200, (person, { post }) => person.get(`/posts/${post}/comments`)],
  ['POST …/comments', 201, (person, { post }) => person.post(`/posts/${post}/comments`, TEXT)],
  ['GET /comments/{commentId}', 200, (person, { comment }) => person.get(`/comments/${comment}`)],
  ['GET …/comments/{commentId}', 200, (person, { post, comment }) => person.get(at(post, comment))],
  ['PUT …/comments/{commentId}', 204, (person, { post, ownComment }) => person.put(at(post, ownComment), TEXT)],
  ['GET …/replies', 200, (person, { post, comment }) => person.get(`${at(post, comment)}/replies`)],
  ['POST …/replies', 201, (person, { post, comment }) => person.post(`${at(post, comment)}/replies`, TEXT)],
  ['POST …/comments/{commentId}/like', 200, (person, { post, comment }) => person.post(`${at(post, comment)}/like`)],
  ['GET …/comments/{commentId}/likes', 200, (person, { post, comment }) => person.get(`${at(post, comment)}/likes`)],
]

describe('a follower of a millisecond ago', () => {
  it.each([...POSTS, ...COMMENTS])('%s: %i', async (_, status, ask) => {
    const there = await make(cast, cast.follower)
    const answer = await whileForgotten(cast, cast.follower, () => ask(cast.follower, there))
    expect(answer.status).toBe(status)
  })

  it('finds posts by their ids', async () => {
    const { post } = await make(cast, cast.follower)
    const get = () => cast.follower.get<Post[]>(`/posts?postIds=${post}`)
    const { body } = await whileForgotten(cast, cast.follower, get)
    expect(body.map(({ id }) => id)).toEqual([post])
  })
})

const DECISIONS: [string, number, Ask][] = [
  ['GET …/posts/{postId}', 200, (person, { group, post }) => person.get(`${group}/posts/${post}`)],
  ['POST …/approve', 204, (person, { group, post }) => person.post(`${group}/posts/${post}/approve`)],
  ['POST …/decline', 204, (person, { group, post }) => person.post(`${group}/posts/${post}/decline`)],
  ['POST …/suggest', 204, (person, { group, post }) => person.post(`${group}/posts/${post}/suggest`)],
  ['DELETE …/posts/{postId}', 204, (person, { group, post }) => person.delete(`${group}/posts/${post}`)],
]

describe('an admin of a millisecond ago', () => {
  const waiting = async () => ({ ...approving, post: await makePost(approving.member, approving.groupId) })

  it.each(DECISIONS)('%s of what waits: %i', async (_, status, ask) => {
    const { admin, group, post } = await waiting()
    const there = { group, post, comment: '', ownPost: '', ownComment: '', profilePost: '' }
    expect((await whileForgotten(approving, admin, () => ask(admin, there))).status).toBe(status)
  })

  it('DELETE …/comments/{commentId} of others: 204', async () => {
    const { post, comment } = await make(cast, cast.member)
    const answer = await whileForgotten(cast, cast.admin, () => cast.admin.delete(at(post, comment)))
    expect(answer.status).toBe(204)
  })

  it('lists what waits, in the group and in all groups', async () => {
    const { admin, group, post } = await waiting()
    const ids = (posts: Post[]) => posts.map(({ id }) => id)
    const here = await whileForgotten(approving, admin, () => admin.get<Post[]>(`${group}/posts/suggested`))
    expect(ids(here.body)).toContain(post)
    const everywhere = await whileForgotten(approving, admin, () => admin.get<Page<Post>>('/posts/suggested'))
    expect(ids(everywhere.body.data)).toContain(post)
  })

  it('publishes at once where others wait', async () => {
    const { admin, member, groupId } = approving
    const id = await whileForgotten(approving, admin, () => makePost(admin, groupId))
    expect((await member.get(`/posts/${id}`)).status).toBe(200)
  })
})
