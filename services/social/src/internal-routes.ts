import { CommentState, PostState } from '@platform/contracts/social.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { toCommentState } from './comments/comment-view.ts'
import { commentNotFound } from './comments/find-comment.ts'
import type { Db } from './db/schema.ts'
import { findPost, postNotFound } from './posts/find-post.ts'
import { toPostState } from './posts/post-view.ts'

const internal = { method: 'get', tag: 'internal', access: { scope: 'internal', issuer: 'internal' } } as const

const postDefinition = defineRoute({
  ...internal,
  path: '/internal/posts/{postId}',
  operationId: 'getPostState',
  summary: "A post's newest state, for a service whose copy of it may be late.",
  params: Type.Object({ postId: Uuid }),
  responses: { 200: Type.Object({ version: Type.Integer(), state: PostState }) },
  errors: ['not_found'],
})

const commentDefinition = defineRoute({
  ...internal,
  path: '/internal/comments/{commentId}',
  operationId: 'getCommentState',
  summary: "A comment's newest state, for a service whose copy of it may be late.",
  params: Type.Object({ commentId: Uuid }),
  responses: { 200: Type.Object({ version: Type.Integer(), state: CommentState }) },
  errors: ['not_found'],
})

/** What other services may ask. */
export function internalRoutes({ db }: { db: Db }): Route[] {
  return [
    route(postDefinition, async ({ params }) => {
      const post = await findPost(db, params.postId, 'anywhere')
      if (!post) throw postNotFound()
      return { status: 200, body: { version: post.version, state: toPostState(post) } }
    }),
    route(commentDefinition, async ({ params }) => {
      const comment = await db
        .selectFrom('comment')
        .selectAll()
        .where('id', '=', params.commentId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      if (!comment) throw commentNotFound()
      return { status: 200, body: { version: comment.version, state: toCommentState(comment) } }
    }),
  ]
}
