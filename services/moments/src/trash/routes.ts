import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command } from '../command.ts'
import type { Deps } from '../deps.ts'
import { readMomentUUID } from '../moments/find-moment.ts'
import { toMoment } from '../moments/moment-view.ts'
import { MomentParams } from '../moments/read-routes.ts'
import { Moment } from '../moments/shapes.ts'
import { Batch, readBatch } from './batch.ts'
import { BATCH_DELETE_REFUSALS, DELETE_REFUSALS, deleteMoments } from './delete-moments.ts'
import { listTrash, type TrashRow } from './list-trash.ts'
import { restoreMoments } from './restore-moments.ts'

const write = { tag: 'moments', access: { scope: 'moments:write' } } as const
const DAY_MS = 86_400_000

const batchDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: '/moments',
  operationId: 'deleteMoments',
  summary: 'Move moments and their media to the trash',
  description: 'For owners of their robots. All are deleted, or none.',
  body: Batch,
  responses: { 204: null },
  errors: ['forbidden', 'not_found'],
})

const deleteDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: '/moments/{momentUUID}',
  operationId: 'deleteMoment',
  summary: 'Move a moment and its media to the trash',
  description: 'For owners of its robot.',
  params: MomentParams,
  responses: { 204: null },
  errors: ['forbidden', 'not_found'],
})

const restoreDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/moments/restore',
  operationId: 'restoreMoments',
  summary: 'Take moments out of the trash',
  description: 'For owners of their robots. All are restored as they were, or none.',
  body: Batch,
  responses: { 204: null },
  errors: ['conflict', 'forbidden', 'not_found'],
})

const TrashedMoment = Type.Object(
  {
    ...Moment.properties,
    deletedAt: DateTime,
    purgeAt: Type.Optional({
      ...DateTime,
      description: 'The moment and its files are deleted for good after that. A pinned moment is kept.',
    }),
  },
  { title: 'TrashedMoment' },
)

const listDefinition = defineRoute({
  method: 'get',
  path: '/moments/trash',
  operationId: 'listTrash',
  summary: "List the trash of the caller's own robots",
  description: 'Newest deletion first.',
  tag: 'moments',
  access: { scope: 'moments:read' },
  query: Type.Object({
    page: Type.Integer({ minimum: 1, maximum: 2_147_483_647, default: 1, description: 'Page number, from 1.' }),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Entries on a page.' }),
  }),
  responses: {
    200: Type.Object(
      {
        data: Type.Array(TrashedMoment),
        count: Type.Integer({ minimum: 0 }),
        page: Type.Integer({ minimum: 1 }),
        limit: Type.Integer({ minimum: 1 }),
        total: Type.Integer({ minimum: 0 }),
      },
      { title: 'TrashPage' },
    ),
  },
})

/** Returns the routes of deletes, the trash and restores. `GET /moments/trash` comes before `GET /moments/{momentUUID}`. */
export function trashRoutes(deps: Deps, { trashDays }: { trashDays: number }): Route[] {
  const { db, clock, addresses } = deps
  const toTrashed = async (row: TrashRow) => ({
    ...(await toMoment(row, { addresses, now: clock() })),
    deletedAt: row.deleted_at.toISOString(),
    purgeAt: row.pinned ? undefined : new Date(row.deleted_at.getTime() + trashDays * DAY_MS).toISOString(),
  })
  return [
    route(batchDefinition, async (request) => {
      const { caller, body } = request
      const ids = readBatch(body, 'delete')
      return command(deps, request, async (trx, cause) => {
        await deleteMoments(trx, caller, { ids, refusals: BATCH_DELETE_REFUSALS }, cause)
        return { status: 204 }
      })
    }),
    route(deleteDefinition, async (request) => {
      const { caller, params } = request
      const id = readMomentUUID(params.momentUUID, { invalid: 'Invalid moment UUID' })
      return command(deps, request, async (trx, cause) => {
        await deleteMoments(trx, caller, { ids: [id], refusals: DELETE_REFUSALS }, cause)
        return { status: 204 }
      })
    }),
    route(restoreDefinition, async (request) => {
      const { caller, body } = request
      const ids = readBatch(body, 'restore')
      return command(deps, request, async (trx, cause) => {
        await restoreMoments(trx, caller, ids, cause)
        return { status: 204 }
      })
    }),
    route(listDefinition, async ({ caller, query }) => {
      const { rows, total } = await listTrash(db, caller, query)
      const data = await Promise.all(rows.map(toTrashed))
      return { status: 200, body: { data, count: data.length, page: query.page, limit: query.limit, total } }
    }),
  ]
}
