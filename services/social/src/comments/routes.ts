import { PageQuery } from '@platform/http/paging.ts'
import { defineRoute, type Route, type RouteRequest, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command } from '../command.ts'
import type { Deps } from '../deps.ts'
import type { Cursors } from '../lists/cursor.ts'
import { After, readPart, toPart } from '../lists/going-on.ts'
import { confirmRefusals } from '../membership/confirm.ts'
import { Created, PostParams } from '../posts/shapes.ts'
import { showComments } from './comment-view.ts'
import { createComment, deleteComment, editComment } from './comments.ts'
import { commentNotFound, getComment } from './find-comment.ts'
import { listComments, listReplies } from './list-comments.ts'
import { Comment, CommentInput, CommentPage, CommentParams, ReplyPage } from './shapes.ts'

const read = { tag: 'comments', access: { scope: 'social:read' } } as const
const write = { tag: 'comments', access: { scope: 'social:write' } } as const
const ON_COMMENT = '/posts/{postId}/comments/{commentId}'

const listDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/posts/{postId}/comments',
  operationId: 'listComments',
  summary: "List a post's comments",
  description: 'Flat, oldest first, replies among them.',
  params: PostParams,
  query: Type.Object({ ...PageQuery, after: After }),
  responses: { 200: CommentPage },
  errors: ['not_found'],
})

const createDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/posts/{postId}/comments',
  operationId: 'createComment',
  summary: 'Comment on a post',
  description: "For everybody who may see it; on a group's post for participants who are not muted.",
  params: PostParams,
  body: CommentInput,
  responses: { 201: Created },
  errors: ['not_found', 'forbidden'],
})

const getByIdDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/comments/{commentId}',
  operationId: 'getCommentById',
  summary: 'Get a comment without its post',
  params: Type.Object({ commentId: Uuid }),
  responses: { 200: Comment },
  errors: ['not_found'],
})

const getDefinition = defineRoute({
  ...read,
  method: 'get',
  path: ON_COMMENT,
  operationId: 'getComment',
  summary: 'Get a comment',
  params: CommentParams,
  responses: { 200: Comment },
  errors: ['not_found'],
})

const editDefinition = defineRoute({
  ...write,
  method: 'put',
  path: ON_COMMENT,
  operationId: 'editComment',
  summary: 'Edit a comment',
  description: 'For its author. `edited` turns true.',
  params: CommentParams,
  body: CommentInput,
  responses: { 204: null },
  errors: ['not_found', 'forbidden'],
})

const deleteDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: ON_COMMENT,
  operationId: 'deleteComment',
  summary: 'Delete a comment',
  description: 'For its author, the author of the post, admins of the group and moderators. Its replies stay.',
  params: CommentParams,
  responses: { 204: null },
  errors: ['not_found', 'forbidden'],
})

const repliesDefinition = defineRoute({
  ...read,
  method: 'get',
  path: `${ON_COMMENT}/replies`,
  operationId: 'listReplies',
  summary: "List a comment's direct replies",
  description: 'Oldest first. A cursor is good for this list only.',
  params: CommentParams,
  query: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    after: Type.Optional(Type.String({ maxLength: 1000, description: '`nextCursor` of the part before.' })),
  }),
  responses: { 200: ReplyPage },
  errors: ['not_found'],
})

const replyDefinition = defineRoute({
  ...write,
  method: 'post',
  path: `${ON_COMMENT}/replies`,
  operationId: 'createReply',
  summary: 'Reply to a comment',
  description: 'As commenting. A reply to a reply is its child.',
  params: CommentParams,
  body: CommentInput,
  responses: { 201: Created },
  errors: ['not_found', 'forbidden'],
})

/** Comments and replies; their likes are in `likes/routes.ts`. */
export function commentRoutes(deps: Deps, cursors: Cursors): Route[] {
  const { db, redactedStatuses } = deps
  return [
    route(listDefinition, async (request) => {
      const { caller, params, query } = request
      const list = `comments ${params.postId.toLowerCase()}`
      const part = readPart(cursors, list, query)
      const { rows, total } = await confirmRefusals(deps, request, () => listComments(db, caller, params.postId, part))
      const data = await showComments(db, caller, rows, redactedStatuses)
      return { status: 200, body: toPart(cursors, list, part, { data, total, rows }) }
    }),
    route(createDefinition, (request) =>
      command(deps, request, async (trx, cause) => {
        const { caller, params, body } = request
        const id = await createComment(trx, caller, { postId: params.postId }, body, cause)
        return { status: 201, body: { id } }
      }),
    ),
    route(getByIdDefinition, async (request) => ({
      status: 200,
      body: await show(deps, request, { commentId: request.params.commentId }),
    })),
    route(getDefinition, async (request) => ({ status: 200, body: await show(deps, request, request.params) })),
    route(editDefinition, (request) =>
      command(deps, request, async (trx, cause) => {
        const { caller, params, body } = request
        await editComment(trx, caller, params.postId, params.commentId, body, cause)
        return { status: 204 }
      }),
    ),
    route(deleteDefinition, async (request) => {
      const reply = await command(deps, request, async (trx, cause) => {
        await deleteComment(trx, request.caller, request.params.postId, request.params.commentId, cause)
        return { status: 204 } as const
      })
      deps.onDeleted()
      return reply
    }),
    route(repliesDefinition, async (request) => {
      const { caller, params, query } = request
      const { rows, nextCursor } = await confirmRefusals(deps, request, () =>
        listReplies(db, caller, { ...params, ...query }, cursors),
      )
      const data = await showComments(db, caller, rows, redactedStatuses)
      return { status: 200, body: { data, count: data.length, hasMore: nextCursor !== undefined, nextCursor } }
    }),
    route(replyDefinition, (request) =>
      command(deps, request, async (trx, cause) => {
        const { caller, params, body } = request
        const to = { postId: params.postId, parentCommentId: params.commentId }
        const id = await createComment(trx, caller, to, body, cause)
        return { status: 201, body: { id } }
      }),
    ),
  ]
}

async function show(
  deps: Deps,
  request: RouteRequest<unknown, unknown, unknown>,
  { postId, commentId }: { postId?: string; commentId: string },
): Promise<Comment> {
  const { db, redactedStatuses } = deps
  const { caller } = request
  const found = await confirmRefusals(deps, request, () => getComment(db, caller, commentId, { postId }))
  const [comment] = await showComments(db, caller, [found.comment], redactedStatuses)
  if (!comment) throw commentNotFound()
  return comment
}
