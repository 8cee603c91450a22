import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { runCommand } from '@platform/http/idempotency.ts'
import { defineRoute, type Route, type RouteDefinition, route } from '@platform/http/route.ts'
import { Uuid } from '@platform/http/schemas.ts'
import { causeOf } from '@platform/service/cause.ts'
import { Type } from 'typebox'
import type { Db, Tx } from '../db/schema.ts'
import { GroupParams, Participant } from '../groups/shapes.ts'
import {
  addParticipant,
  followGroup,
  listParticipants,
  removeParticipant,
  setAdmin,
  setMuted,
  unfollowGroup,
} from './participants.ts'

const ParticipantParams = Type.Object({ groupId: Uuid, participantId: Uuid })

const listDefinition = defineRoute({
  method: 'get',
  path: '/groups/{groupId}/participants',
  operationId: 'listParticipants',
  summary: 'List the participants of a group',
  description: 'Longest-standing first. A Private group shows them to its participants only.',
  tag: 'participants',
  access: { scope: 'groups:read' },
  params: GroupParams,
  query: Type.Object({
    isMuted: Type.Optional(Type.Boolean()),
    page: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
  }),
  responses: { 200: Type.Array(Participant) },
  errors: ['not_found'],
})

const addDefinition = defineRoute({
  method: 'post',
  path: '/groups/{groupId}/participants',
  operationId: 'addParticipant',
  summary: 'Bring somebody into a group',
  description: 'For admins; it is how a Private group grows. May be repeated.',
  tag: 'participants',
  access: { scope: 'groups:write' },
  params: GroupParams,
  body: Type.Object({ userId: Uuid }, { title: 'NewParticipant' }),
  responses: { 204: null },
  errors: ['not_found'],
})

/** A command on a group or a participant that has no body and answers 204. */
function silentCommand(
  method: 'post' | 'delete',
  path: string,
  texts: { operationId: string; summary: string; description: string },
  errors: RouteDefinition['errors'],
) {
  const isOnParticipant = path.includes('{participantId}')
  return defineRoute({
    method,
    path,
    ...texts,
    tag: isOnParticipant ? 'participants' : 'groups',
    access: { scope: 'groups:write' },
    params: isOnParticipant ? ParticipantParams : Type.Object({ groupId: Uuid, participantId: Type.Optional(Uuid) }),
    responses: { 204: null },
    errors,
  })
}

type Command = (trx: Tx, caller: Caller, groupId: string, participantId: string, cause: Cause) => Promise<void>

const ON_PARTICIPANT = '/groups/{groupId}/participants/{participantId}'

const COMMANDS: [ReturnType<typeof silentCommand>, Command][] = [
  [
    silentCommand(
      'post',
      '/groups/{groupId}/follow',
      { operationId: 'followGroup', summary: 'Follow a group', description: 'May be repeated.' },
      ['not_found'],
    ),
    (trx, caller, groupId, _, cause) => followGroup(trx, caller, groupId, cause),
  ],
  [
    silentCommand(
      'delete',
      '/groups/{groupId}/follow',
      {
        operationId: 'unfollowGroup',
        summary: 'Leave a group',
        description: 'May be repeated. The owner cannot leave.',
      },
      ['not_found', 'conflict'],
    ),
    (trx, caller, groupId, _, cause) => unfollowGroup(trx, caller, groupId, cause),
  ],
  [
    silentCommand(
      'delete',
      ON_PARTICIPANT,
      {
        operationId: 'removeParticipant',
        summary: 'Remove a participant',
        description: 'For admins. Admins are removed by the owner only; nobody removes the owner.',
      },
      ['not_found', 'conflict'],
    ),
    removeParticipant,
  ],
  [
    silentCommand(
      'post',
      `${ON_PARTICIPANT}/mute`,
      {
        operationId: 'muteParticipant',
        summary: 'Mute a participant',
        description: 'For admins. A muted participant reads, but writes nothing in the group. May be repeated.',
      },
      ['not_found', 'conflict'],
    ),
    (trx, caller, groupId, userId, cause) => setMuted(trx, caller, groupId, userId, true, cause),
  ],
  [
    silentCommand(
      'delete',
      `${ON_PARTICIPANT}/mute`,
      {
        operationId: 'unmuteParticipant',
        summary: 'Let a participant write again',
        description: 'For admins. May be repeated.',
      },
      ['not_found'],
    ),
    (trx, caller, groupId, userId, cause) => setMuted(trx, caller, groupId, userId, false, cause),
  ],
  [
    silentCommand(
      'post',
      `${ON_PARTICIPANT}/admin`,
      {
        operationId: 'makeAdmin',
        summary: 'Make a participant an admin',
        description: 'For the owner. May be repeated.',
      },
      ['not_found'],
    ),
    (trx, caller, groupId, userId, cause) => setAdmin(trx, caller, groupId, userId, true, cause),
  ],
  [
    silentCommand(
      'delete',
      `${ON_PARTICIPANT}/admin`,
      {
        operationId: 'revokeAdmin',
        summary: 'Take the admin right back',
        description: 'For the owner, who always keeps it. May be repeated.',
      },
      ['not_found', 'conflict'],
    ),
    (trx, caller, groupId, userId, cause) => setAdmin(trx, caller, groupId, userId, false, cause),
  ],
]

/** Following, and what admins do with participants. */
export function participantRoutes({ db, clock }: { db: Db; clock: () => Date }): Route[] {
  const commands = COMMANDS.map(([definition, command]) =>
    route(definition, async (request) =>
      runCommand(db, request, async (trx) => {
        const { groupId, participantId = request.caller.userId } = request.params
        await command(trx, request.caller, groupId, participantId.toLowerCase(), causeOf(request, clock))
        return { status: 204 }
      }),
    ),
  )
  return [
    route(listDefinition, async ({ caller, params, query }) => {
      const rows = await listParticipants(db, caller, { groupId: params.groupId, ...query })
      const body = rows.map((row) => ({ userId: row.user_id, isMuted: row.is_muted, isAdmin: row.is_admin }))
      return { status: 200, body }
    }),
    route(addDefinition, async (request) =>
      runCommand(db, request, async (trx) => {
        const { caller, params, body } = request
        await addParticipant(trx, caller, params.groupId, body.userId.toLowerCase(), causeOf(request, clock))
        return { status: 204 }
      }),
    ),
    ...commands,
  ]
}
