import { DateTime, Nullable, OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { RIGHTS } from '../db/schema.ts'

export const RobotParams = Type.Object({ robotUUID: Uuid })

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: "The owners' name for it." })
const TimeZone = Type.String({ minLength: 1, maxLength: 100, description: 'IANA name, such as Europe/Oslo.' })
const RetentionDays = Type.Integer({
  minimum: 1,
  maximum: 36_500,
  description: 'Older moments move to the trash, unless they are pinned.',
})
const MaxMoments = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: 'The oldest moments beyond this number move to the trash, unless they are pinned.',
})

export const Robot = Type.Object(
  {
    uuid: Uuid,
    name: Type.Optional(Name),
    timeZone: TimeZone,
    right: OneOf([...RIGHTS], { title: 'Right' }),
    visibleFrom: Type.Optional({ ...DateTime, description: 'Moments that were captured earlier are hidden.' }),
    retentionDays: Type.Optional(RetentionDays),
    maxMoments: Type.Optional(MaxMoments),
  },
  { title: 'Robot' },
)
export type Robot = Static<typeof Robot>

export const RobotPatch = Type.Object(
  {
    name: Type.Optional(Nullable(Name)),
    timeZone: Type.Optional(TimeZone),
    retentionDays: Type.Optional(Nullable(RetentionDays)),
    maxMoments: Type.Optional(Nullable(MaxMoments)),
  },
  { title: 'RobotPatch', additionalProperties: false },
)
export type RobotPatch = Static<typeof RobotPatch>
