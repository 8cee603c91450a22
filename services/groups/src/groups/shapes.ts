import { GroupType, Location, ModerationStatus, PostRules } from '@platform/contracts/shapes.ts'
import { AddressInput, GroupAddress } from '@platform/geo/schemas.ts'
import { PageOf, PageQuery } from '@platform/http/paging.ts'
import { DateTime, Nullable, Uuid } from '@platform/http/schemas.ts'
import { type Static, type TSchema, Type } from 'typebox'

const Name = Type.String({ maxLength: 60 })
const Description = Type.String({ maxLength: 1000 })
const ShortName = Type.String({ pattern: '^[a-zA-Z0-9_]{5,32}$', minLength: 5, maxLength: 32 })

/** What `PUT` takes: an optional field that is left out is cleared. */
export const GroupInput = Type.Object(
  {
    name: Name,
    description: Description,
    sportId: Type.Optional(Uuid),
    coverId: Type.Optional(Uuid),
    avatarId: Type.Optional(Uuid),
    address: Type.Optional(AddressInput),
    shortName: ShortName,
    postRules: PostRules,
    location: Type.Optional(Location),
  },
  { title: 'GroupInput' },
)
export type GroupInput = Static<typeof GroupInput>

export const NewGroup = Type.Object(
  { ...GroupInput.properties, groupType: Type.Optional({ ...GroupType, default: 'Public' }) },
  { title: 'NewGroup' },
)
export type NewGroup = Static<typeof NewGroup>

const patched = <T extends TSchema>(schema: T) => Type.Optional(Nullable(schema))

/** What `PATCH` takes: absent and null leave a field as it is. */
export const GroupPatch = Type.Object(
  {
    name: patched(Name),
    description: patched(Description),
    sportId: patched(Uuid),
    coverId: patched(Uuid),
    avatarId: patched(Uuid),
    address: patched(AddressInput),
    shortName: patched(ShortName),
    postRules: patched(PostRules),
    location: patched(Location),
  },
  { title: 'GroupPatch' },
)
export type GroupPatch = Static<typeof GroupPatch>

/** A group as one caller sees it. */
export const Group = Type.Object(
  {
    id: Uuid,
    name: Type.String(),
    description: Type.String(),
    sportId: Type.Optional(Uuid),
    coverId: Type.Optional(Uuid),
    avatarId: Type.Optional(Uuid),
    shortName: Type.Optional(ShortName),
    postRules: PostRules,
    address: Type.Optional(GroupAddress),
    location: Type.Optional(Location),
    groupType: GroupType,
    createdAt: DateTime,
    updatedAt: DateTime,
    ownerId: Uuid,
    participantsCount: Type.Integer({ minimum: 0 }),
    participantsIds: Type.Array(Uuid, { maxItems: 50, description: 'The newest 50.' }),
    isFollowing: Type.Boolean({ description: "The caller's." }),
    distance: Type.Optional(Type.Number({ minimum: 0, description: 'Kilometers from `lat` and `lng`.' })),
    moderationStatus: ModerationStatus,
    moderated: Type.Boolean({ description: 'True: content is redacted, and `shortName` left out.' }),
  },
  { title: 'Group' },
)
export type Group = Static<typeof Group>

export const GroupPage = PageOf(Group, 'GroupPage')

const AddressPart = Type.Optional(Type.String({ maxLength: 200 }))

export const GroupsQuery = Type.Object({
  ...PageQuery,
  groupName: Type.Optional(Type.String({ maxLength: 60, description: 'Part of the name, without regard to case.' })),
  sportId: Type.Optional(Uuid),
  'address[country]': AddressPart,
  'address[countryCode]': AddressPart,
  'address[region]': AddressPart,
  'address[city]': AddressPart,
  'address[street]': AddressPart,
  myGroups: Type.Optional(Type.Boolean({ description: 'Groups that the caller owns or administers.' })),
  includeFollowing: Type.Optional(
    Type.Boolean({ description: 'With `myGroups`: also those that the caller follows.' }),
  ),
  isFollowing: Type.Optional(Type.Boolean()),
  lat: Type.Optional(Type.Number({ minimum: -90, maximum: 90, description: 'With `lng`: nearest first.' })),
  lng: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
  isPopular: Type.Optional(Type.Boolean({ description: 'Most participants first.' })),
})
export type GroupsQuery = Static<typeof GroupsQuery>

export const GroupParams = Type.Object({ groupId: Uuid })

export const Participant = Type.Object(
  { userId: Uuid, isMuted: Type.Boolean(), isAdmin: Type.Boolean() },
  { title: 'Participant' },
)
