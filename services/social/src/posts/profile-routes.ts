import { IdList, readIds } from '@platform/http/id-list.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { preparedCommand } from '../command.ts'
import type { Deps } from '../deps.ts'
import type { Cursors } from '../lists/cursor.ts'
import { readPart, toPart } from '../lists/going-on.ts'
import { confirmRefusals } from '../membership/confirm.ts'
import { listProfile } from './feed.ts'
import { getPost, postNotFound, selectVisible } from './find-post.ts'
import { locatePost } from './locate-post.ts'
import { createPost } from './posts.ts'
import { Created, FeedPage, NewPost, Post, PostParams, UserPostsQuery } from './shapes.ts'
import { showPosts } from './show-posts.ts'

const read = { tag: 'posts', access: { scope: 'social:read' } } as const
const write = { tag: 'posts', access: { scope: 'social:write' } } as const

const createDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts',
  operationId: 'createProfilePost',
  summary: "Post on the caller's profile",
  body: NewPost,
  responses: { 201: Created },
})

const batchDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/posts',
  operationId: 'getPosts',
  summary: 'Get posts by their ids',
  description: 'In the order asked, each once; what the caller may not see is left out.',
  query: Type.Object({
    postIds: IdList,
    includeBlocked: Type.Optional(Type.Unknown({ deprecated: true, description: 'Ignored, whatever it says.' })),
  }),
  responses: { 200: Type.Array(Post) },
})

const getDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/posts/{postId}',
  operationId: 'getPost',
  summary: 'Get a post',
  description: "A profile post, a repost, or a group's post that the caller may see.",
  params: PostParams,
  responses: { 200: Post },
  errors: ['not_found'],
})

const profileDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/users/{userId}/posts',
  operationId: 'listPostsOfUser',
  summary: "List a person's posts",
  description:
    'Newest first. `created`: profile posts; `reposted`: reposts, with `originalPost` where the caller may see it.',
  params: Type.Object({ userId: Uuid }),
  query: UserPostsQuery,
  responses: { 200: FeedPage },
})

/** Posts without a group, and posts by their ids. Changing a profile post is in `change-routes.ts`. */
export function profilePostRoutes(deps: Deps, cursors: Cursors): Route[] {
  const { db, geocoder } = deps
  return [
    route(createDefinition, async (request) => {
      const { caller, body } = request
      const locate = () => locatePost(geocoder, body)
      return preparedCommand(deps, request, locate, async (trx, location, cause, confirmed) => {
        const id = await createPost(trx, caller, undefined, body, location, cause, confirmed)
        return { status: 201, body: { id } }
      })
    }),
    route(batchDefinition, async (request) => {
      const ids = readIds(request.query.postIds, 'query.postIds')
      const found = await db.selectFrom('post').selectAll().where('id', 'in', ids).execute()
      const visible = new Map((await selectVisible(deps, request, found)).map((post) => [post.id, post]))
      const rows = ids.map((id) => visible.get(id)).filter((post) => post !== undefined)
      return { status: 200, body: await showPosts(deps, request, rows) }
    }),
    route(getDefinition, async (request) => {
      const { caller, params } = request
      const found = await confirmRefusals(deps, request, () => getPost(db, caller, params.postId, 'anywhere'))
      const [body] = await showPosts(deps, request, [found.post])
      if (!body) throw postNotFound()
      return { status: 200, body }
    }),
    route(profileDefinition, async (request) => {
      const { params, query } = request
      const list = `${query.type} ${params.userId.toLowerCase()}`
      const part = readPart(cursors, list, query)
      const { rows, total } = await listProfile(db, params.userId, query.type, part)
      const data = await showPosts(deps, request, rows)
      return { status: 200, body: toPart(cursors, list, part, { data, total, rows }) }
    }),
  ]
}
