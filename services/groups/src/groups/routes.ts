import type { RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Geocoder } from '@platform/geo/geocoder.ts'
import { resolveOrRefuse } from '@platform/geo/resolve-or-refuse.ts'
import { type GroupAddress, toGroupAddress } from '@platform/geo/schemas.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { runCommand, runPrepared } from '@platform/http/idempotency.ts'
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
  /** Nobody else makes us ask the geocoder. */
  const resolveForAdmin = async (groupId: string, caller: Caller, address: AddressWish) => {
    if (address) requireAdmin(await getMembership(db, groupId, caller))
    return resolve(geocoder, address)
  }
  return [
    route(createDefinition, async (request) => {
      const { caller, body } = request
      return runPrepared(
        db,
        request,
        () => resolve(geocoder, body.address),
        async (trx, address) => {
          const id = await createGroup(trx, caller, body, address, causeOf(request, clock))
          return { status: 201, body: await getGroup(trx, caller, id, redactedStatuses) }
        },
      )
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
      return runPrepared(
        db,
        request,
        () => resolveForAdmin(params.groupId, caller, body.address),
        async (trx, address) => {
          await replaceGroup(trx, caller, params.groupId, body, address, causeOf(request, clock))
          return { status: 200, body: await getGroup(trx, caller, params.groupId, redactedStatuses) }
        },
      )
    }),
    route(patchDefinition, async (request) => {
      const { caller, params, body } = request
      return runPrepared(
        db,
        request,
        () => resolveForAdmin(params.groupId, caller, body.address),
        async (trx, address) => {
          await patchGroup(trx, caller, params.groupId, body, address, causeOf(request, clock))
          return { status: 200, body: await getGroup(trx, caller, params.groupId, redactedStatuses) }
        },
      )
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

type AddressWish = { uri: string } | null | undefined

async function resolve(geocoder: Geocoder, address: AddressWish): Promise<GroupAddress | undefined> {
  if (!address) return undefined
  return toGroupAddress(await resolveOrRefuse(geocoder, address.uri, 'body.address.uri'))
}
