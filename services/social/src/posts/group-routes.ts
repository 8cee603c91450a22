import { PageQuery, toPage } from '@platform/http/paging.ts'
import { defineRoute, type Route, type RouteDefinition, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import { command, preparedCommand } from '../command.ts'
import type { Deps } from '../deps.ts'
import type { Cursors } from '../lists/cursor.ts'
import { After, readPart, toPart } from '../lists/going-on.ts'
import { getAccess } from '../membership/access.ts'
import { refreshAdministered } from '../membership/administered.ts'
import { confirmRefusals } from '../membership/confirm.ts'
import { readFeed } from './feed.ts'
import { getPost, postNotFound } from './find-post.ts'
import { locatePost } from './locate-post.ts'
import { toPost } from './post-view.ts'
import { createPost, requirePoster } from './posts.ts'
import { Created, FeedPage, GroupParams, GroupPostParams, NewPost, Post, PostPage } from './shapes.ts'
import { showPosts } from './show-posts.ts'
import { approvePost, declinePost, listSuggested, listToApprove, suggestPost } from './suggestions.ts'

const read = { tag: 'posts', access: { scope: 'social:read' } } as const
const write = { tag: 'posts', access: { scope: 'social:write' } } as const
const ON_POST = '/groups/{groupId}/posts/{postId}'

const createDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/groups/{groupId}/posts',
  operationId: 'createGroupPost',
  summary: 'Post in a group',
  description:
    'For participants who are not muted, as `postRules` say: everybody; everybody, but what a non-admin writes waits for an admin; admins only.',
  params: GroupParams,
  body: NewPost,
  responses: { 201: Created },
  errors: ['not_found', 'forbidden'],
})

const feedDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/groups/{groupId}/feed',
  operationId: 'getFeed',
  summary: "Read a group's feed",
  description: 'Published posts, newest first, without what the caller hid.',
  params: GroupParams,
  query: Type.Object({ ...PageQuery, after: After }),
  responses: { 200: FeedPage },
  errors: ['not_found'],
})

const suggestedDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/groups/{groupId}/posts/suggested',
  operationId: 'listSuggestedPosts',
  summary: 'List what waits in a group',
  description: 'Newest first: everything for admins, their own for others.',
  params: GroupParams,
  query: Type.Object({
    page: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
  }),
  responses: { 200: Type.Array(Post) },
  errors: ['not_found'],
})

const toApproveDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/posts/suggested',
  operationId: 'listPostsToApprove',
  summary: 'List what waits for the caller',
  description: 'Suggested posts of all groups that the caller administers, newest first.',
  query: Type.Object(PageQuery),
  responses: { 200: PostPage },
})

const getDefinition = defineRoute({
  ...read,
  method: 'get',
  path: ON_POST,
  operationId: 'getGroupPost',
  summary: 'Get a post of a group',
  params: GroupPostParams,
  responses: { 200: Post },
  errors: ['not_found'],
})

/** A command on a waiting post that has no body and answers 204. */
function decision(
  verb: 'suggest' | 'approve' | 'decline',
  summary: string,
  description: string,
  errors: RouteDefinition['errors'] = ['not_found', 'forbidden', 'conflict'],
) {
  return defineRoute({
    ...write,
    method: 'post',
    path: `${ON_POST}/${verb}`,
    operationId: `${verb}Post`,
    summary,
    description,
    params: GroupPostParams,
    responses: { 204: null },
    errors,
  })
}

const DECISIONS = [
  {
    definition: decision(
      'suggest',
      'Offer a post to a group',
      "For its author: a profile post, which moves into the group, or one that was declined. It waits, or is published where the rules let the author post. A group's admin publishes a waiting post with it. Nothing happens when it is published.",
      ['not_found', 'forbidden'],
    ),
    decide: suggestPost,
  },
  {
    definition: decision('approve', 'Publish a post that waits', 'For admins. 409 when it does not wait.'),
    decide: approvePost,
  },
  {
    definition: decision(
      'decline',
      'Decline a post that waits',
      'For admins. 409 when it does not wait. Its author and admins go on seeing it.',
    ),
    decide: declinePost,
  },
]

/** Posting in groups, their feeds, and what waits in them. Changing a group's post is in `change-routes.ts`. */
export function groupPostRoutes(deps: Deps, cursors: Cursors): Route[] {
  const { db, geocoder, redactedStatuses } = deps
  return [
    route(createDefinition, async (request) => {
      const { caller, params, body } = request
      const { groupId } = params
      const locate = async () => {
        if (body.uri !== undefined) requirePoster(await getAccess(db, groupId, caller))
        return locatePost(geocoder, body)
      }
      return preparedCommand(deps, request, locate, async (trx, location, cause, confirmed) => {
        const id = await createPost(trx, caller, groupId, body, location, cause, confirmed)
        return { status: 201, body: { id } }
      })
    }),
    route(feedDefinition, async (request) => {
      const { caller, params, query } = request
      const list = `feed ${params.groupId.toLowerCase()}`
      const part = readPart(cursors, list, query)
      const { posts, total } = await confirmRefusals(deps, request, () => readFeed(db, caller, params.groupId, part))
      const data = posts.map((post) => toPost(post, caller, redactedStatuses))
      return { status: 200, body: toPart(cursors, list, part, { data, total, rows: posts.map(({ row }) => row) }) }
    }),
    route(suggestedDefinition, async (request) => {
      const { caller, params, query } = request
      const rows = await confirmRefusals(deps, request, (confirmed) =>
        listSuggested(db, caller, params.groupId, query, confirmed),
      )
      return { status: 200, body: await showPosts(deps, request, rows) }
    }),
    route(toApproveDefinition, async (request) => {
      const { caller, query } = request
      await refreshAdministered(deps, request)
      const { rows, total } = await listToApprove(db, caller, query)
      return { status: 200, body: toPage(await showPosts(deps, request, rows), total, query) }
    }),
    route(getDefinition, async (request) => {
      const { caller, params } = request
      const { groupId, postId } = params
      const found = await confirmRefusals(deps, request, () => getPost(db, caller, postId, { groupId }))
      const [body] = await showPosts(deps, request, [found.post])
      if (!body) throw postNotFound()
      return { status: 200, body }
    }),
    ...DECISIONS.map(({ definition, decide }) =>
      route(definition, (request) =>
        command(deps, request, async (trx, cause, confirmed) => {
          const { groupId, postId } = request.params
          await decide(trx, request.caller, groupId, postId, cause, confirmed)
          return { status: 204 }
        }),
      ),
    ),
  ]
}
