import { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { toParticipantState } from '../participants/participant-state.ts'
import { findPlace } from '../participants/participants.ts'
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

const Version = Type.Integer({ minimum: 1 })

const getPlaceDefinition = defineRoute({
  method: 'get',
  path: '/internal/groups/{groupId}/participants/{userId}',
  operationId: 'getParticipantState',
  summary: "A group's newest state and a person's place in it, null for somebody who was never in it.",
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  params: Type.Object({ groupId: Uuid, userId: Uuid }),
  responses: {
    200: Type.Object({
      group: Type.Object({ version: Version, state: GroupState }),
      participant: Type.Union([Type.Object({ version: Version, state: ParticipantState }), Type.Null()]),
    }),
  },
  errors: ['not_found'],
})

/** What other services may ask. */
export function internalRoutes({ db }: { db: Db }): Route[] {
  return [
    route(getStateDefinition, async ({ params }) => ({ status: 200, body: await getState(db, params.groupId) })),
    route(getPlaceDefinition, async ({ params }) => {
      const group = await getState(db, params.groupId)
      const place = await findPlace(db, params.groupId, params.userId)
      const participant = place ? { version: place.version, state: toParticipantState(place) } : null
      return { status: 200, body: { group, participant } }
    }),
  ]
}

async function getState(db: Db, groupId: string): Promise<{ version: number; state: GroupState }> {
  const group = await db
    .selectFrom('group')
    .selectAll()
    .where('id', '=', groupId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!group) throw groupNotFound()
  return { version: group.version, state: toGroupState(group) }
}
