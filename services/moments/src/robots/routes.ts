import type { Caller } from '@platform/http/assertion.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import { lockRobot } from '../access/change-access.ts'
import { command } from '../command.ts'
import type { Db, Right, Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { changeRobot, getRobot, listRobots, robotNotFound } from './robots.ts'
import { Robot, RobotParams, RobotPatch } from './shapes.ts'

const FORBIDDEN = { viewer: "No permission to view robot's activity", owner: 'You cannot change this robot' }

const listDefinition = defineRoute({
  method: 'get',
  path: '/robots',
  operationId: 'listRobots',
  summary: 'List your robots',
  description: 'Every robot that you have a right on, in order of their ids. The list is not paged.',
  tag: 'robots',
  access: { scope: 'moments:read' },
  responses: { 200: Type.Array(Robot) },
})

const getDefinition = defineRoute({
  method: 'get',
  path: '/robots/{robotUUID}',
  operationId: 'getRobot',
  summary: 'Get a robot',
  tag: 'robots',
  access: { scope: 'moments:read' },
  params: RobotParams,
  responses: { 200: Robot },
  errors: ['forbidden', 'not_found'],
})

const patchDefinition = defineRoute({
  method: 'patch',
  path: '/robots/{robotUUID}',
  operationId: 'patchRobot',
  summary: 'Change a robot',
  description:
    'For owners. A field that is left out stays as it is; null clears `name`, `retentionDays` or `maxMoments`. A new ' +
    'time zone applies to later captures only.',
  tag: 'robots',
  access: { scope: 'moments:write' },
  params: RobotParams,
  body: RobotPatch,
  responses: { 200: Robot },
  errors: ['forbidden', 'not_found'],
})

/** The robots themselves; rights on them are in `access/routes.ts`. */
export function robotRoutes(deps: Deps): Route[] {
  return [
    route(listDefinition, async ({ caller }) => ({ status: 200, body: await listRobots(deps.db, caller) })),
    route(getDefinition, async ({ caller, params }) => {
      return { status: 200, body: await showRobot(deps.db, caller, params.robotUUID, 'viewer') }
    }),
    route(patchDefinition, (request) =>
      command(deps, request, async (trx, { at }) => {
        const { caller, params, body } = request
        if (!(await lockRobot(trx, params.robotUUID))) throw robotNotFound()
        await showRobot(trx, caller, params.robotUUID, 'owner')
        await changeRobot(trx, params.robotUUID, body, at)
        return { status: 200, body: await showRobot(trx, caller, params.robotUUID, 'owner') }
      }),
    ),
  ]
}

async function showRobot(db: Db | Tx, caller: Caller, id: string, right: Right): Promise<Robot> {
  const robot = await getRobot(db, caller, { id, right }, FORBIDDEN[right])
  if (!robot) throw new Error('A right was found without its robot.')
  return robot
}
