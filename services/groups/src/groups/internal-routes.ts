import { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import { IdList, readIds } from '@platform/http/id-list.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'
import type { Db } from '../db/schema.ts'
import { listAdministered, MAX_ADMINISTERED } from '../participants/administered.ts'
import { toParticipantState } from '../participants/participant-state.ts'
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

const getPlacesDefinition = defineRoute({
  method: 'get',
  path: '/internal/participants/{userId}',
  operationId: 'getParticipantStates',
  summary:
    "Groups' newest states and a person's place in each, null where they never were. Deleted groups are left out.",
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  params: Type.Object({ userId: Uuid }),
  query: Type.Object({ groupIds: IdList }),
  responses: {
    200: Type.Array(
      Type.Object({
        group: Type.Object({ version: Version, state: GroupState }),
        participant: Type.Union([Type.Object({ version: Version, state: ParticipantState }), Type.Null()]),
      }),
    ),
  },
})

const listAdministeredDefinition = defineRoute({
  method: 'get',
  path: '/internal/participants/{userId}/administered',
  operationId: 'listAdministered',
  summary: 'The groups that a person administers, by id, with the version of their place in each.',
  description: 'A part that is not full is the last one.',
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  params: Type.Object({ userId: Uuid }),
  query: Type.Object({
    after: Type.Optional(Uuid),
    limit: Type.Integer({ minimum: 1, maximum: MAX_ADMINISTERED, default: MAX_ADMINISTERED }),
  }),
  responses: { 200: Type.Array(Type.Object({ groupId: Uuid, version: Version })) },
})

/** What other services may ask. */
export function internalRoutes({ db }: { db: Db }): Route[] {
  return [
    route(getStateDefinition, async ({ params }) => ({ status: 200, body: await getState(db, params.groupId) })),
    route(getPlacesDefinition, async ({ params, query }) => {
      const ids = readIds(query.groupIds, 'query.groupIds')
      const [groups, places] = await Promise.all([
        db.selectFrom('group').selectAll().where('id', 'in', ids).where('deleted_at', 'is', null).execute(),
        db
          .selectFrom('participant')
          .selectAll()
          .where('user_id', '=', params.userId)
          .where('group_id', 'in', ids)
          .execute(),
      ])
      const placeIn = new Map(places.map((place) => [place.group_id, place]))
      const body = groups.map((group) => {
        const place = placeIn.get(group.id)
        return {
          group: { version: group.version, state: toGroupState(group) },
          participant: place ? { version: place.version, state: toParticipantState(place) } : null,
        }
      })
      return { status: 200, body }
    }),
    route(listAdministeredDefinition, async ({ params, query }) => ({
      status: 200,
      body: await listAdministered(db, { ...params, ...query }),
    })),
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
