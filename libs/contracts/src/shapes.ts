import { DateTime, Nullable, OneOf, Uuid } from '@platform/http/schemas.ts'
import { Type } from 'typebox'

/** Where content stands in moderation. `posted` is where all of it begins. */
export const MODERATION_STATUSES = ['posted', 'review', 'flagged', 'approved', 'rejected'] as const
export type ModerationStatus = (typeof MODERATION_STATUSES)[number]
export const ModerationStatus = OneOf([...MODERATION_STATUSES])

/** What can be moderated. */
export const ENTITY_TYPES = ['post', 'comment', 'group'] as const
export type EntityType = (typeof ENTITY_TYPES)[number]
export const EntityType = OneOf([...ENTITY_TYPES])

export const PostRules = OneOf(['Everyone', 'AdminApproval', 'OnlyAdmin'])
export const GroupType = OneOf(['Public', 'Private'])

export const Location = Type.Object(
  { lat: Type.Number({ minimum: -90, maximum: 90 }), lng: Type.Number({ minimum: -180, maximum: 180 }) },
  { title: 'Location', description: 'WGS 84, in degrees.' },
)

/** The times that every entity's state has. `deletedAt` is there once it is deleted. */
export const Lifetime = { createdAt: DateTime, updatedAt: DateTime, deletedAt: Type.Optional(DateTime) }

export { DateTime, Nullable, OneOf, Uuid }
