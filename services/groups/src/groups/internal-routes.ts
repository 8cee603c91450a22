import { GroupState } from '@platform/contracts/groups.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { toGroupState } from './group-view.ts'
import { groupNotFound } from './membership.ts'
import { GroupParams } from './shapes.ts'

const getStateDefinition = defineRoute({
  method: 'get',
  path: '/internal/groups/{groupId}',
  operationId: 'getGroupState',
  summary: "A group's newest state, for a service whose copy of it may be late.",
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  params: GroupParams,
  responses: { 200: Type.Object({ version: Type.Integer(), state: GroupState }) },
  errors: ['not_found'],
})

/** What other services may ask. */
export function internalRoutes({ db }: { db: Db }): Route[] {
  return [
    route(getStateDefinition, async ({ params }) => {
      const group = await db
        .selectFrom('group')
        .selectAll()
        .where('id', '=', params.groupId)
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      if (!group) throw groupNotFound()
      return { status: 200, body: { version: group.version, state: toGroupState(group) } }
    }),
  ]
}
