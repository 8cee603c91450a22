import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { findMomentViews, getMoment, readMomentUUID } from './find-moment.ts'
import { toMoments } from './moment-view.ts'
import { Moment } from './shapes.ts'

const REFUSALS = {
  invalid: 'Invalid moment UUID',
  notFound: 'Moment does not exist',
  forbidden: 'You cannot view this moment',
}

/** A path's moment. Its form is checked by the handler, whose message the source document fixes. */
export const MomentParams = Type.Object({ momentUUID: Type.String({ maxLength: 100 }) })

const getDefinition = defineRoute({
  method: 'get',
  path: '/moments/{momentUUID}',
  operationId: 'getMoment',
  summary: 'Get a moment',
  tag: 'moments',
  access: { scope: 'moments:read' },
  params: MomentParams,
  responses: { 200: Moment },
  errors: ['forbidden', 'not_found'],
})

/** Reads of one moment. */
export function readMomentRoutes({ db, clock, addresses }: Deps): Route[] {
  return [
    route(getDefinition, async ({ caller, params }) => {
      const id = readMomentUUID(params.momentUUID, REFUSALS)
      await getMoment(db, caller, { id, right: 'viewer' }, REFUSALS)
      const [moment] = await toMoments(await findMomentViews(db, caller.userId, [id]), { addresses, now: clock() })
      if (!moment) throw new Error('A moment vanished between two reads.')
      return { status: 200, body: moment }
    }),
  ]
}
