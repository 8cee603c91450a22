import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command } from '../command.ts'
import type { Deps } from '../deps.ts'
import { confirmRefusals } from '../membership/confirm.ts'
import { PostParams } from '../posts/shapes.ts'
import { listReposters, removeRepost, repost, toggleRepost } from './reposts.ts'

const Reposted = Type.Object(
  { repostId: Type.Optional(Uuid), originalPostId: Uuid, isReposted: Type.Boolean() },
  { title: 'Reposted' },
)

const Reposters = Type.Object(
  {
    totalCount: Type.Integer({ minimum: 0 }),
    reposters: Type.Array(
      Type.Object({ repostId: Uuid, reposterUserId: Uuid, repostedAt: DateTime }, { title: 'PostReposter' }),
    ),
  },
  { title: 'Reposters' },
)

function commandDefinition(method: 'put' | 'delete' | 'post', operationId: string, summary: string, more = '') {
  return defineRoute({
    tag: 'reposts',
    access: { scope: 'social:write' },
    method,
    path: '/posts/{postId}/repost',
    operationId,
    summary,
    description: `A repost of a repost means the original.${more}`,
    params: PostParams,
    responses: { 200: Reposted },
    errors: ['not_found', 'forbidden'],
  })
}

const COMMANDS = [
  {
    definition: commandDefinition('put', 'repost', 'Repost a post', ' Not from a Private group. May be repeated.'),
    run: repost,
  },
  {
    definition: commandDefinition('delete', 'removeRepost', 'Take a repost back', ' May be repeated.'),
    run: removeRepost,
  },
  {
    definition: commandDefinition('post', 'toggleRepost', 'Repost a post, or take that back'),
    run: toggleRepost,
  },
]

const listDefinition = defineRoute({
  tag: 'reposts',
  access: { scope: 'social:read' },
  method: 'get',
  path: '/posts/{postId}/reposters',
  operationId: 'listReposters',
  summary: 'List who reposted a post',
  description: 'Newest first, and how many in all. Of a repost: those of its original.',
  params: PostParams,
  query: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: 50, default: 4 }) }),
  responses: { 200: Reposters },
  errors: ['not_found'],
})

/** Reposting: one's profile shows another's post. */
export function repostRoutes(deps: Deps): Route[] {
  const commands = COMMANDS.map(({ definition, run }) =>
    route(definition, async (request) => {
      const reply = await command(deps, request, async (trx, cause) => ({
        status: 200 as const,
        body: await run(trx, request.caller, request.params.postId, cause),
      }))
      if (!reply.body.isReposted) deps.onDeleted()
      return reply
    }),
  )
  return [
    ...commands,
    route(listDefinition, async (request) => {
      const { caller, params, query } = request
      const { rows, total } = await confirmRefusals(deps, request, () =>
        listReposters(deps.db, caller, params.postId, query.limit),
      )
      const reposters = rows.map((row) => ({
        repostId: row.id,
        reposterUserId: row.author_id,
        repostedAt: row.created_at.toISOString(),
      }))
      return { status: 200, body: { totalCount: total, reposters } }
    }),
  ]
}
