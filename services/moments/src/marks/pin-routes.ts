import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { command } from '../command.ts'
import type { Deps } from '../deps.ts'
import { readMomentUUID } from '../moments/find-moment.ts'
import { MomentParams } from '../moments/read-routes.ts'
import { PIN_REFUSALS, setPinned } from './pins.ts'

const pin = {
  path: '/moments/{momentUUID}/pin',
  tag: 'moments',
  access: { scope: 'moments:write' },
  params: MomentParams,
  responses: { 204: null },
} as const

const pinDefinition = defineRoute({
  ...pin,
  method: 'put',
  operationId: 'pinMoment',
  summary: 'Pin a moment',
  description: 'Idempotent. For owners of its robot. A pinned moment neither expires nor is purged.',
  errors: ['forbidden', 'not_found'],
})

const unpinDefinition = defineRoute({
  ...pin,
  method: 'delete',
  operationId: 'unpinMoment',
  summary: 'Unpin a moment',
  description: 'Idempotent. For owners of its robot.',
  errors: ['forbidden', 'not_found'],
})

/** Returns the routes of pins, by which an owner keeps a moment. */
export function pinRoutes(deps: Deps): Route[] {
  return [
    { definition: pinDefinition, pinned: true },
    { definition: unpinDefinition, pinned: false },
  ].map(({ definition, pinned }) =>
    route(definition, async (request) => {
      const { caller, params } = request
      const momentId = readMomentUUID(params.momentUUID, PIN_REFUSALS)
      return command(deps, request, async (trx, cause) => {
        await setPinned(trx, caller, { momentId, pinned }, cause)
        return { status: 204 }
      })
    }),
  )
}
