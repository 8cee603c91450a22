import { PageQuery, toPage } from '@platform/http/paging.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { statement } from '../command.ts'
import type { Deps } from '../deps.ts'
import { confirmRefusals } from '../membership/confirm.ts'
import type { Place } from '../posts/find-post.ts'
import { listCommentLikes, listPostLikes, toggleCommentLike, togglePostLike } from './likes.ts'
import { Like, LikePage } from './shapes.ts'

const read = { tag: 'likes', access: { scope: 'social:read' } } as const
const write = { tag: 'likes', access: { scope: 'social:write' } } as const

/** Below a group only its posts are found; without one, every post. */
const WHERE = [
  { prefix: '/groups/{groupId}', name: 'GroupPost', what: "a group's post", groupId: Uuid },
  { prefix: '', name: 'Post', what: 'a post', groupId: Type.Optional(Uuid) },
]

function postDefinitions({ prefix, name, what, groupId }: (typeof WHERE)[number]) {
  const params = Type.Object({ groupId, postId: Uuid })
  return {
    list: defineRoute({
      ...read,
      method: 'get',
      path: `${prefix}/posts/{postId}/likes`,
      operationId: `list${name}Likes`,
      summary: `List who likes ${what}`,
      description: 'Newest first.',
      params,
      query: Type.Object(PageQuery),
      responses: { 200: LikePage },
      errors: ['not_found'],
    }),
    toggle: defineRoute({
      ...write,
      method: 'post',
      path: `${prefix}/posts/{postId}/like`,
      operationId: `toggle${name}Like`,
      summary: `Like ${what}, or take that back`,
      description: 'For everybody who may see it, muted or not.',
      params,
      responses: { 200: Like },
      errors: ['not_found'],
    }),
  }
}

const CommentParams = Type.Object({ postId: Uuid, commentId: Uuid })

const listCommentDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/posts/{postId}/comments/{commentId}/likes',
  operationId: 'listCommentLikes',
  summary: 'List who likes a comment',
  description: 'Newest first.',
  params: CommentParams,
  query: Type.Object(PageQuery),
  responses: { 200: LikePage },
  errors: ['not_found'],
})

const toggleCommentDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts/{postId}/comments/{commentId}/like',
  operationId: 'toggleCommentLike',
  summary: 'Like a comment, or take that back',
  description: 'For everybody who may see it, muted or not.',
  params: CommentParams,
  responses: { 200: Like },
  errors: ['not_found'],
})

const toPlace = ({ groupId }: { groupId?: string }): Place => (groupId === undefined ? 'anywhere' : { groupId })

/** Likes of posts and of comments. */
export function likeRoutes(deps: Deps): Route[] {
  const { db } = deps
  const ofPosts = WHERE.map(postDefinitions).flatMap(({ list, toggle }) => [
    route(list, async (request) => {
      const { caller, params, query } = request
      const { likes, total } = await confirmRefusals(deps, request, () =>
        listPostLikes(db, caller, toPlace(params), params.postId, query),
      )
      return { status: 200, body: toPage(likes, total, query) }
    }),
    route(toggle, (request) =>
      statement(deps, request, async (on, cause) => {
        const { caller, params } = request
        return { status: 200, body: await togglePostLike(on, caller, toPlace(params), params.postId, cause) }
      }),
    ),
  ])
  return [
    ...ofPosts,
    route(listCommentDefinition, async (request) => {
      const { caller, params, query } = request
      const { likes, total } = await confirmRefusals(deps, request, () =>
        listCommentLikes(db, caller, params.postId, params.commentId, query),
      )
      return { status: 200, body: toPage(likes, total, query) }
    }),
    route(toggleCommentDefinition, (request) =>
      statement(deps, request, async (on, cause) => {
        const { caller, params } = request
        return { status: 200, body: await toggleCommentLike(on, caller, params.postId, params.commentId, cause) }
      }),
    ),
  ]
}
