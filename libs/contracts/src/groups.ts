import { defineEvent } from '@platform/events/event-type.ts'
import { GroupAddress } from '@platform/geo/schemas.ts'
import { type Static, Type } from 'typebox'
import { DateTime, GroupType, Lifetime, Location, PostRules, Uuid } from './shapes.ts'

/** All that other services may know of a group. */
export const GroupState = Type.Object({
  id: Uuid,
  name: Type.String(),
  description: Type.String(),
  shortName: Type.String(),
  sportId: Type.Optional(Uuid),
  coverId: Type.Optional(Uuid),
  avatarId: Type.Optional(Uuid),
  address: Type.Optional(GroupAddress),
  location: Type.Optional(Location),
  postRules: PostRules,
  groupType: GroupType,
  ownerId: Uuid,
  contentRevision: Type.Integer({ minimum: 1, description: 'Grows whenever what people can read or see changes.' }),
  ...Lifetime,
})
export type GroupState = Static<typeof GroupState>

const groupEvent = (what: string, description: string) =>
  defineEvent({ type: `groups.group.${what}`, topic: 'groups.group', description, data: GroupState })

export const groupCreated = groupEvent('created', 'Somebody created a group.')
export const groupUpdated = groupEvent('updated', 'An admin changed a group.')
export const groupDeleted = groupEvent(
  'deleted',
  'A group was deleted, and with it its participants; whoever keeps what hangs on the group deletes that too.',
)

/** A person's place in a group. It outlives their leaving, with `deletedAt`, so that its versions go on. */
export const ParticipantState = Type.Object({
  groupId: Uuid,
  userId: Uuid,
  isAdmin: Type.Boolean(),
  isMuted: Type.Boolean(),
  joinedAt: DateTime,
  deletedAt: Type.Optional(DateTime),
})
export type ParticipantState = Static<typeof ParticipantState>

const participantEvent = (what: string, description: string) =>
  defineEvent({
    type: `groups.participant.${what}`,
    topic: 'groups.participant',
    description: `${description} Keyed by the group.`,
    data: ParticipantState,
  })

export const participantJoined = participantEvent('joined', 'A person follows a group, or was added to it.')
export const participantLeft = participantEvent('left', 'A person left a group.')
export const participantRemoved = participantEvent('removed', 'An admin removed a person from a group.')
export const participantMuted = participantEvent('muted', 'An admin muted a participant, who may no longer write.')
export const participantUnmuted = participantEvent('unmuted', 'A muted participant may write again.')
export const participantPromoted = participantEvent('promoted', 'The owner made a participant an admin.')
export const participantDemoted = participantEvent('demoted', 'The owner took the admin right back.')

export const groupEvents = [
  groupCreated,
  groupUpdated,
  groupDeleted,
  participantJoined,
  participantLeft,
  participantRemoved,
  participantMuted,
  participantUnmuted,
  participantPromoted,
  participantDemoted,
]
