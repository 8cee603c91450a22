import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { ERASING_SERVICES } from '@platform/platform/registry.ts'
import { causeOf } from '@platform/service/cause.ts'
import { Type } from 'typebox'
import { type Db, PART_STATES } from '../db/schema.ts'
import { findErasure, requestErasure } from './erasures.ts'
import { findGroupsInTheWay, refuseGroupsInTheWay } from './in-the-way.ts'

const UserId = Type.Optional(
  Type.String({ ...Uuid, description: 'Whose data; default: your own. Others’ is for admins.' }),
)

const checkDefinition = defineRoute({
  method: 'get',
  path: '/user-data',
  operationId: 'checkUserDataDeletion',
  summary: 'Check whether user data can be deleted',
  description:
    '409 names the groups in the way: owned, with other participants and no other admin. Once a deletion is under way, nothing is.',
  tag: 'user data',
  access: { scope: 'account:read' },
  query: Type.Object({ userId: UserId }),
  responses: { 204: null },
  errors: ['forbidden', 'conflict'],
})

const deleteDefinition = defineRoute({
  method: 'delete',
  path: '/user-data',
  operationId: 'deleteUserData',
  summary: 'Delete user data',
  description:
    'Begins to delete memberships, posts, comments, likes, reposts, hides and seen marks, in every service. Owned groups pass to their longest-standing other admin; those that nobody else is in are deleted. While it is under way, repeated calls change nothing; once a service has done its part, another deletion follows, for what was done since.',
  tag: 'user data',
  access: { scope: 'account:write' },
  query: Type.Object({
    userId: UserId,
    force: Type.Boolean({
      default: false,
      description: 'Passes groups that would be in the way to their longest-standing participant.',
    }),
  }),
  responses: { 204: null },
  errors: ['forbidden', 'conflict'],
})

const PartShape = Type.Object(
  {
    service: OneOf([...ERASING_SERVICES]),
    state: OneOf([...PART_STATES]),
    since: Type.String({ ...DateTime, description: 'When it came into this state.' }),
    erased: Type.Integer({ minimum: 0, description: 'How many records have gone so far.' }),
  },
  { title: 'ErasurePart' },
)

const Erasure = Type.Object(
  {
    userId: Uuid,
    requestedAt: DateTime,
    completedAt: Type.Optional(DateTime),
    services: Type.Array(PartShape),
  },
  { title: 'Erasure' },
)

const progressDefinition = defineRoute({
  method: 'get',
  path: '/user-data/erasures/{userId}',
  operationId: 'getErasure',
  summary: 'See how far the deletion of user data is',
  description: 'The newest one, service by service. Your own, or as an admin anybody’s.',
  tag: 'user data',
  access: { scope: 'account:read' },
  params: Type.Object({ userId: Uuid }),
  responses: { 200: Erasure },
  errors: ['forbidden', 'not_found'],
})

const internalDefinition = defineRoute({
  method: 'get',
  path: '/internal/user-data/{userId}',
  operationId: 'getGroupsInTheWay',
  summary: 'The groups in the way of deleting an account.',
  tag: 'internal',
  access: { scope: 'internal', issuer: 'internal' },
  params: Type.Object({ userId: Uuid }),
  responses: {
    200: Type.Object({ groupsInTheWay: Type.Array(Type.String({ description: 'A sentence about each.' })) }),
  },
})

/** Erasing what is known of a person: whether it is possible, to begin it, how far it is. */
export function erasureRoutes({ db, clock }: { db: Db; clock: () => Date }): Route[] {
  return [
    route(checkDefinition, async ({ caller, query }) => {
      await refuseGroupsInTheWay(db, subjectOf(caller, query.userId))
      return { status: 204 }
    }),
    route(deleteDefinition, async (request) => {
      const { caller, query } = request
      const userId = subjectOf(caller, query.userId)
      return runCommand(db, request, async (trx) => {
        await requestErasure(trx, userId, { isForced: query.force }, causeOf(request, clock))
        return { status: 204 as const }
      })
    }),
    route(progressDefinition, async ({ caller, params }) => {
      const userId = subjectOf(caller, params.userId)
      const found = await findErasure(db, userId)
      if (!found) throw new DomainError('not_found', 'No deletion of this user’s data was requested.')
      const { erasure, parts } = found
      const body = {
        userId,
        requestedAt: erasure.requested_at.toISOString(),
        completedAt: erasure.completed_at?.toISOString(),
        services: parts.map(({ service, state, since, erased }) => ({
          service,
          state,
          since: since.toISOString(),
          erased,
        })),
      }
      return { status: 200, body }
    }),
    route(internalDefinition, async ({ params }) => ({
      status: 200,
      body: { groupsInTheWay: await findGroupsInTheWay(db, params.userId) },
    })),
  ]
}

/** @throws DomainError `forbidden` for another's data, unless an admin asks */
function subjectOf({ userId, roles }: Caller, asked: string | undefined): string {
  const subject = asked?.toLowerCase() ?? userId
  if (subject !== userId && !roles.includes('admin')) {
    throw new DomainError('forbidden', 'Only admins may do this with the data of others.')
  }
  return subject
}
