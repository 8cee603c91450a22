import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import { command } from '../command.ts'
import { type Db, RIGHTS, type Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { getRobot, robotNotFound } from '../robots/robots.ts'
import { RobotParams } from '../robots/shapes.ts'
import { listRobotViews } from './access.ts'
import { grantAccess, lockOrCreateRobot, lockRobot, requireAnotherOwner, revokeAccess } from './change-access.ts'
import { listAccess } from './list-access.ts'

const FORBIDDEN = 'You cannot manage access to this robot'

const AccessParams = Type.Object({ ...RobotParams.properties, userId: Uuid })

const VisibleFrom = Type.Optional({
  ...DateTime,
  description: 'Moments that were captured earlier are hidden from the user.',
})

const Access = Type.Object(
  { userId: Uuid, right: OneOf([...RIGHTS]), visibleFrom: VisibleFrom, grantedAt: DateTime },
  { title: 'RobotAccess' },
)

const AccessInput = Type.Object(
  { right: OneOf([...RIGHTS]), visibleFrom: VisibleFrom },
  { title: 'RobotAccessInput', additionalProperties: false },
)

const shared = { tag: 'robots', access: { scope: 'moments:write' } }

const listDefinition = defineRoute({
  ...shared,
  method: 'get',
  path: '/robots/{robotUUID}/access',
  operationId: 'listRobotAccess',
  summary: 'List the rights on a robot',
  description: 'For services and owners of the robot. Oldest first, without revoked rights.',
  params: RobotParams,
  responses: { 200: Type.Array(Access) },
  errors: ['forbidden', 'not_found'],
})

const putDefinition = defineRoute({
  ...shared,
  method: 'put',
  path: '/robots/{robotUUID}/access/{userId}',
  operationId: 'grantRobotAccess',
  summary: 'Give a user a right on a robot',
  description:
    'For services and owners of the robot. Idempotent. Replaces an earlier right; omit `visibleFrom` to show everything. ' +
    'The first grant by a service makes a robot known.',
  params: AccessParams,
  body: AccessInput,
  responses: { 204: null },
  errors: ['forbidden', 'not_found', 'conflict'],
})

const deleteDefinition = defineRoute({
  ...shared,
  method: 'delete',
  path: '/robots/{robotUUID}/access/{userId}',
  operationId: 'revokeRobotAccess',
  summary: "Revoke a user's right on a robot",
  description:
    'For services and owners of the robot. Idempotent. Hides the moments from the user and deletes nothing: a renewed ' +
    'right shows them again. The last owner cannot be removed.',
  params: AccessParams,
  responses: { 204: null },
  errors: ['forbidden', 'not_found', 'conflict'],
})

/** Rights on robots. */
export function accessRoutes(deps: Deps): Route[] {
  return [
    route(listDefinition, async ({ caller, params }) => {
      const robotId = params.robotUUID.toLowerCase()
      await requireManager(deps.db, caller, robotId)
      return { status: 200, body: await listAccess(deps.db, robotId) }
    }),
    route(putDefinition, (request) =>
      command(deps, request, async (trx, { at }) => {
        const { caller, body } = request
        const key = readKey(request.params)
        if (isService(caller)) await lockOrCreateRobot(trx, key.robotId, at)
        else await lockForManager(trx, caller, key.robotId)
        const visibleFrom = body.visibleFrom === undefined ? null : readInstant(body.visibleFrom)
        if (!isService(caller)) await refuseWiderView(trx, caller, key.robotId, visibleFrom)
        if (body.right !== 'owner') {
          await requireAnotherOwner(trx, key, 'The last owner of a robot cannot become a viewer')
        }
        await grantAccess(trx, { ...key, right: body.right, visibleFrom }, at)
        return { status: 204 }
      }),
    ),
    route(deleteDefinition, (request) =>
      command(deps, request, async (trx, { at }) => {
        const key = readKey(request.params)
        await lockForManager(trx, request.caller, key.robotId)
        await requireAnotherOwner(trx, key, 'The last owner of a robot cannot be removed')
        await revokeAccess(trx, key, at)
        return { status: 204 }
      }),
    ),
  ]
}

/** True for a program. The routes also require the scope that only keys of programs have. */
const isService = ({ roles }: Caller): boolean => roles.includes('service')

const readKey = ({ robotUUID, userId }: { robotUUID: string; userId: string }) => ({
  robotId: robotUUID.toLowerCase(),
  userId: userId.toLowerCase(),
})

/** @throws DomainError `validation` for a leap second, which the format allows and `Date` does not know */
function readInstant(text: string): Date {
  const instant = new Date(text)
  if (Number.isNaN(instant.getTime())) throw new DomainError('validation', 'body.visibleFrom must be an instant')
  return instant
}

/**
 * An owner whose own right begins at an instant gives no right that begins earlier, to themselves neither.
 *
 * @throws DomainError `forbidden`
 */
async function refuseWiderView(trx: Tx, caller: Caller, robotId: string, visibleFrom: Date | null): Promise<void> {
  const own = (await listRobotViews(trx, caller)).find((view) => view.robotId === robotId)?.visibleFrom
  if (own && (visibleFrom === null || visibleFrom < own)) {
    throw new DomainError('forbidden', 'You cannot give a right that begins before your own')
  }
}

/** Locks the robot before the caller's right is read, so that a right that is being revoked counts no more. */
async function lockForManager(trx: Tx, caller: Caller, robotId: string): Promise<void> {
  if (!(await lockRobot(trx, robotId))) throw robotNotFound()
  await requireManager(trx, caller, robotId)
}

async function requireManager(db: Db | Tx, caller: Caller, robotId: string): Promise<void> {
  await getRobot(db, caller, { id: robotId, right: isService(caller) ? 'none' : 'owner' }, FORBIDDEN)
}
