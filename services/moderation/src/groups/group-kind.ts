import { GroupState } from '@platform/contracts/groups.ts'
import { DateTime, GroupType, Location, ModerationStatus, PostRules, Uuid } from '@platform/contracts/shapes.ts'
import { GroupAddress } from '@platform/geo/schemas.ts'
import type { ServiceClient } from '@platform/http/client.ts'
import { type Static, Type } from 'typebox'
import { askOwner } from '../items/ask-owner.ts'
import { ContentRevision, type EntityKind } from '../items/kind.ts'

/** A group as moderators see it: everything, whatever its status. */
export const ModeratedGroup = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    description: Type.String(),
    sportId: Type.Optional(Uuid),
    coverId: Type.Optional(Uuid),
    avatarId: Type.Optional(Uuid),
    shortName: Type.String(),
    address: Type.Optional(GroupAddress),
    location: Type.Optional(Location),
    postRules: PostRules,
    groupType: GroupType,
    ownerId: Uuid,
    createdAt: DateTime,
    updatedAt: DateTime,
    moderationStatus: ModerationStatus,
    contentRevision: ContentRevision,
  },
  { title: 'ModeratedGroup' },
)
export type ModeratedGroup = Static<typeof ModeratedGroup>

/** Groups, which the groups service owns. Their author is the owner. */
export function groupKind(groups: Pick<ServiceClient, 'get'>): EntityKind<GroupState> {
  return {
    type: 'group',
    plural: 'groups',
    idParameter: 'groupId',
    shown: ModeratedGroup,
    show: toModeratedGroup,
    facts: ({ id, ownerId, contentRevision, createdAt, deletedAt }) => ({
      entityId: id,
      subjectId: ownerId,
      contentRevision,
      createdAt,
      deletedAt,
    }),
    ask: askOwner(groups, GroupState, { path: '/internal/groups', owner: 'The groups service' }),
  }
}

// Named field by field: what the groups service may add to its events one day is not shown by itself.
function toModeratedGroup(
  state: GroupState,
  { status, contentRevision }: { status: ModerationStatus; contentRevision: number },
): ModeratedGroup {
  return {
    id: state.id,
    name: state.name,
    description: state.description,
    sportId: state.sportId,
    coverId: state.coverId,
    avatarId: state.avatarId,
    shortName: state.shortName,
    address: state.address,
    location: state.location,
    postRules: state.postRules,
    groupType: state.groupType,
    ownerId: state.ownerId,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    moderationStatus: status,
    contentRevision,
  }
}
