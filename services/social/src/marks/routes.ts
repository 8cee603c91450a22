import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command, preparedCommand } from '../command.ts'
import type { Deps } from '../deps.ts'
import { PostParams } from '../posts/shapes.ts'
import { findSeeable, insertSeen, markSeen, toggleHidden } from './marks.ts'

const write = { tag: 'posts', access: { scope: 'social:write' } } as const

const hideDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts/{postId}/hide',
  operationId: 'toggleHidden',
  summary: 'Hide a post, or show it again',
  description: "In the caller's feeds only.",
  params: PostParams,
  responses: { 200: Type.Object({ hidden: Type.Boolean() }, { title: 'Hidden' }) },
  errors: ['not_found'],
})

const seenDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts/{postId}/seen',
  operationId: 'markSeen',
  summary: 'Mark a post as seen',
  description: 'May be repeated.',
  params: PostParams,
  responses: { 204: null },
  errors: ['not_found'],
})

const allSeenDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts/seen',
  operationId: 'markAllSeen',
  summary: 'Mark posts as seen',
  description: 'May be repeated. Unknown ids are passed over.',
  body: Type.Object(
    { posts: Type.Array(Type.Object({ postId: Uuid }, { title: 'SeenPost' }), { minItems: 1, maxItems: 100 }) },
    { title: 'SeenPosts' },
  ),
  responses: { 204: null },
})

/** What somebody notes for themselves about posts. */
export function markRoutes(deps: Deps): Route[] {
  return [
    route(allSeenDefinition, async (request) => {
      const asked = request.body.posts.map(({ postId }) => postId)
      // Before the transaction: the groups service may have to be asked.
      const find = () => findSeeable(deps, request, asked)
      return preparedCommand(deps, request, find, async (trx, postIds, { at }) => {
        await insertSeen(trx, request.caller, postIds, at)
        return { status: 204 }
      })
    }),
    route(hideDefinition, (request) =>
      command(deps, request, async (trx, { at }) => ({
        status: 200,
        body: { hidden: await toggleHidden(trx, request.caller, request.params.postId, at) },
      })),
    ),
    route(seenDefinition, (request) =>
      command(deps, request, async (trx, { at }) => {
        await markSeen(trx, request.caller, request.params.postId, at)
        return { status: 204 }
      }),
    ),
  ]
}
