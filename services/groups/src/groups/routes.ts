import type { RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Geocoder } from '@platform/geo/geocoder.ts'
import { resolveOrRefuse } from '@platform/geo/resolve-or-refuse.ts'
import { type GroupAddress, toGroupAddress } from '@platform/geo/schemas.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { causeOf } from '@platform/service/cause.ts'
import type { Db } from '../db/schema.ts'
import { getGroup } from './find-groups.ts'
import { createGroup, deleteGroup, patchGroup, removeAvatar, replaceGroup } from './groups.ts'
import { listGroups } from './list-groups.ts'
import { getMembership, requireAdmin } from './membership.ts'
import { Group, GroupInput, GroupPage, GroupParams, GroupPatch, GroupsQuery, NewGroup } from './shapes.ts'

export interface GroupRouteDeps {
  db: Db
  clock: () => Date
  geocoder: Geocoder
  redactedStatuses: RedactedStatuses
}

const read = { tag: 'groups', access: { scope: 'groups:read' } } as const
const write = { tag: 'groups', access: { scope: 'groups:write' } } as const

const createDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/groups',
  operationId: 'createGroup',
  summary: 'Create a group',
  description:
    'The caller becomes its owner, an admin and its first participant. The `shortName` is unique without regard to case.',
  body: NewGroup,
  responses: { 201: Group },
  errors: ['conflict'],
})

const listDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/groups',
  operationId: 'listGroups',
  summary: 'Find groups',
  description:
    'Filters combine with AND. Newest first; with `lat` and `lng` nearest first and groups without a position last; with `isPopular` most participants first. Private groups show to their participants only. With a filter, `total` counts up to 1,000.',
  query: GroupsQuery,
  responses: { 200: GroupPage },
})

const getDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/groups/{groupId}',
  operationId: 'getGroup',
  summary: 'Get a group',
  params: GroupParams,
  responses: { 200: Group },
  errors: ['not_found'],
})

const putDefinition = defineRoute({
  ...write,
  method: 'put',
  path: '/groups/{groupId}',
  operationId: 'replaceGroup',
  summary: 'Replace a group',
  description: 'For admins. An optional field that is left out is cleared.',
  params: GroupParams,
  body: GroupInput,
  responses: { 200: Group },
  errors: ['not_found', 'conflict'],
})

const patchDefinition = defineRoute({
  ...write,
  method: 'patch',
  path: '/groups/{groupId}',
  operationId: 'patchGroup',
  summary: 'Change a group',
  description: 'For admins. A field that is null or left out stays as it is.',
  params: GroupParams,
  body: GroupPatch,
  responses: { 200: Group },
  errors: ['not_found', 'conflict'],
})

const deleteDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: '/groups/{groupId}',
  operationId: 'deleteGroup',
  summary: 'Delete a group',
  description: 'For its owner and platform admins. Its posts, comments and likes go with it.',
  params: GroupParams,
  responses: { 204: null },
  errors: ['not_found'],
})

const deleteAvatarDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: '/groups/{groupId}/avatar',
  operationId: 'deleteGroupAvatar',
  summary: "Take a group's avatar away",
  description: 'For admins. May be repeated.',
  params: GroupParams,
  responses: { 204: null },
  errors: ['not_found'],
})

/** The groups themselves; their participants are in `participants/routes.ts`. */
export function groupRoutes({ db, clock, geocoder, redactedStatuses }: GroupRouteDeps): Route[] {
  return [
    route(createDefinition, async (request) => {
      const address = await resolve(geocoder, request.body.address)
      return runCommand(db, request, async (trx) => {
        const id = await createGroup(trx, request.caller, request.body, address, causeOf(request, clock))
        return { status: 201, body: await getGroup(trx, request.caller, id, redactedStatuses) }
      })
    }),
    route(listDefinition, async ({ caller, query }) => ({
      status: 200,
      body: await listGroups(db, caller, query, redactedStatuses),
    })),
    route(getDefinition, async ({ caller, params }) => ({
      status: 200,
      body: await getGroup(db, caller, params.groupId, redactedStatuses),
    })),
    route(putDefinition, async (request) => {
      const { caller, params, body } = request
      if (body.address) requireAdmin(await getMembership(db, params.groupId, caller))
      const address = await resolve(geocoder, body.address)
      return runCommand(db, request, async (trx) => {
        await replaceGroup(trx, caller, params.groupId, body, address, causeOf(request, clock))
        return { status: 200, body: await getGroup(trx, caller, params.groupId, redactedStatuses) }
      })
    }),
    route(patchDefinition, async (request) => {
      const { caller, params, body } = request
      if (body.address) requireAdmin(await getMembership(db, params.groupId, caller))
      const address = await resolve(geocoder, body.address)
      return runCommand(db, request, async (trx) => {
        await patchGroup(trx, caller, params.groupId, body, address, causeOf(request, clock))
        return { status: 200, body: await getGroup(trx, caller, params.groupId, redactedStatuses) }
      })
    }),
    route(deleteDefinition, async (request) =>
      runCommand(db, request, async (trx) => {
        await deleteGroup(trx, request.caller, request.params.groupId, causeOf(request, clock))
        return { status: 204 }
      }),
    ),
    route(deleteAvatarDefinition, async (request) =>
      runCommand(db, request, async (trx) => {
        await removeAvatar(trx, request.caller, request.params.groupId, causeOf(request, clock))
        return { status: 204 }
      }),
    ),
  ]
}

/** The geocoder may be slow, so it is asked before a transaction begins. */
async function resolve(
  geocoder: Geocoder,
  address: { uri: string } | null | undefined,
): Promise<GroupAddress | undefined> {
  if (!address) return undefined
  return toGroupAddress(await resolveOrRefuse(geocoder, address.uri, 'body.address.uri'))
}
