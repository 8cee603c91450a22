import { DomainError } from '@platform/http/errors.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { command } from '../command.ts'
import type { Deps } from '../deps.ts'
import { readMomentUUID } from '../moments/find-moment.ts'
import { MomentParams } from '../moments/read-routes.ts'
import { SEEN_REFUSALS } from './counted.ts'
import { markRobotSeen, markSeen, removeSeen } from './seen-batch.ts'

const SeenBatch = Type.Object(
  {
    momentUUIDs: Type.Optional(Type.Array(Uuid, { minItems: 1, maxItems: 100 })),
    robotUUID: Type.Optional(Uuid),
    until: Type.Optional({ ...DateTime, description: 'The newest capture that is marked.' }),
  },
  { title: 'SeenBatch', description: 'Either `momentUUIDs`, or `robotUUID` and `until`.' },
)

const batchDefinition = defineRoute({
  method: 'put',
  path: '/moments/seen',
  operationId: 'markMomentsSeen',
  summary: 'Mark moments as seen',
  description:
    'Idempotent: only moments that the caller had not seen count a view. Ids that are unknown, deleted or not visible ' +
    'to the caller are passed over.',
  tag: 'moments',
  access: { scope: 'moments:write' },
  body: SeenBatch,
  responses: { 204: null },
  errors: ['forbidden', 'not_found'],
})

const unseeDefinition = defineRoute({
  method: 'delete',
  path: '/moments/{momentUUID}/seen',
  operationId: 'unmarkMomentSeen',
  summary: "Remove the caller's mark that a moment was seen",
  description: 'Idempotent. The counter of views stays.',
  tag: 'moments',
  access: { scope: 'moments:write' },
  params: MomentParams,
  responses: { 204: null },
})

/** Returns the routes that mark many moments as seen, and that remove the mark of one. */
export function seenRoutes(deps: Deps): Route[] {
  const { db, clock } = deps
  return [
    route(batchDefinition, async (request) => {
      const { caller } = request
      const batch = readSeenBatch(request.body)
      if ('until' in batch) {
        await markRobotSeen(db, caller, batch, clock())
        return { status: 204 }
      }
      return command(deps, request, async (trx, { at }) => {
        await markSeen(trx, caller, batch.ids, at)
        return { status: 204 }
      })
    }),
    route(unseeDefinition, async (request) => {
      const { caller, params } = request
      const id = readMomentUUID(params.momentUUID, SEEN_REFUSALS)
      return command(deps, request, async (trx, { at }) => {
        await removeSeen(trx, caller, id, at)
        return { status: 204 }
      })
    }),
  ]
}

/** @throws DomainError `validation` unless it is exactly one of both forms */
function readSeenBatch({
  momentUUIDs,
  robotUUID,
  until,
}: Static<typeof SeenBatch>): { ids: string[] } | { robotId: string; until: Date } {
  if (momentUUIDs !== undefined && robotUUID === undefined && until === undefined) {
    return { ids: momentUUIDs.map((id) => id.toLowerCase()) }
  }
  if (momentUUIDs !== undefined || robotUUID === undefined || until === undefined) {
    throw new DomainError('validation', 'body must have either momentUUIDs, or robotUUID and until')
  }
  const instant = new Date(until)
  // A leap second has the form of a time, and is none for JavaScript.
  if (Number.isNaN(instant.getTime())) throw new DomainError('validation', 'body.until must be a time')
  return { robotId: robotUUID.toLowerCase(), until: instant }
}
