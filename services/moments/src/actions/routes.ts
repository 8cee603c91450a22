import { MomentActionState } from '@platform/contracts/moments.ts'
import { DomainError } from '@platform/http/errors.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { type ActionsPosition, listActions } from './list-actions.ts'

const listDefinition = defineRoute({
  method: 'get',
  path: '/robots/{robotUUID}/moment-actions',
  operationId: 'listMomentActions',
  summary: "List the actions on a robot's moments",
  description:
    'Ascending by time, then by moment; 100 a page. Send `nextSince` and `nextMomentUUID` back as `since` and ' +
    '`sinceMomentUUID` for the next page; an empty page repeats them, so a robot can ask again later.',
  tag: 'robots',
  access: { scope: 'moments:write', roles: ['service'] },
  params: Type.Object({ robotUUID: Uuid }),
  query: Type.Object({
    since: Type.Optional({ ...DateTime, description: 'Without `sinceMomentUUID`, actions at that time are listed.' }),
    sinceMomentUUID: Type.Optional({ ...Uuid, description: 'Lists later actions only. Needs `since`.' }),
  }),
  responses: {
    200: Type.Object(
      {
        data: Type.Array(Type.Object(MomentActionState.properties, { title: 'MomentAction' })),
        nextSince: Type.Optional(DateTime),
        nextMomentUUID: Type.Optional(Uuid),
      },
      { title: 'MomentActionPage' },
    ),
  },
  errors: ['forbidden', 'not_found'],
})

/** Returns the routes that a robot reads about its moments. */
export function actionRoutes({ db }: Pick<Deps, 'db'>): Route[] {
  return [
    route(listDefinition, async ({ params, query }) => {
      const position = toPosition(query)
      const robotId = params.robotUUID.toLowerCase()
      const robot = await db.selectFrom('robot').select('id').where('id', '=', robotId).executeTakeFirst()
      if (!robot) throw new DomainError('not_found', 'Robot does not exist')
      const data = await listActions(db, robotId, position)
      const last = data.at(-1)
      const nextSince = last?.at ?? query.since
      const nextMomentUUID = last?.momentUUID ?? query.sinceMomentUUID
      return { status: 200, body: { data, nextSince, nextMomentUUID } }
    }),
  ]
}

function toPosition(query: { since?: string; sinceMomentUUID?: string }): ActionsPosition | undefined {
  if (query.since === undefined) {
    if (query.sinceMomentUUID === undefined) return undefined
    throw new DomainError('validation', 'query.sinceMomentUUID needs query.since')
  }
  const since = new Date(query.since)
  // A leap second has the form of a time, and is none for JavaScript.
  if (Number.isNaN(since.getTime())) throw new DomainError('validation', 'query.since must be a time')
  return { since, sinceMomentId: query.sinceMomentUUID?.toLowerCase() }
}
