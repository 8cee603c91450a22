import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { MEDIA_KINDS } from '../db/schema.ts'

/** One to eight captured files; a derived thumbnail may be added. */
export const MOST_MEDIA = 8

export const Media = Type.Object(
  {
    uuid: Uuid,
    kind: OneOf([...MEDIA_KINDS]),
    contentType: Type.Optional(Type.String()),
    bytes: Type.Optional(Type.Integer({ minimum: 0 })),
    uri: Type.String({ description: 'Where to fetch the file. Needs no credential.' }),
    uriExpiresAt: Type.Optional({ ...DateTime, description: '`GET /media/{uuid}` leads to a fresh address.' }),
    thumbHash: Type.Optional(
      Type.String({ description: 'ThumbHash in Base64: a preview to paint before the file arrives.' }),
    ),
  },
  { title: 'Media' },
)
export type Media = Static<typeof Media>

export const Moment = Type.Object(
  {
    uuid: Uuid,
    robotUUID: Uuid,
    type: Type.String({ description: "`video`, `photo`, or the robot's own word." }),
    title: Type.Optional(Type.String()),
    capturedAt: DateTime,
    localTime: Type.String({ description: 'Wall clock of the robot at capture, HH:MM:SS.' }),
    localDate: Type.String({ description: 'Wall clock of the robot at capture, YYYY-MM-DD.' }),
    timeZone: Type.String({ description: 'IANA name of the zone of that wall clock.' }),
    expiresAt: Type.Optional(DateTime),
    expired: Type.Boolean(),
    media: Type.Array(Media),
    shareCount: Type.Integer({ minimum: 0 }),
    viewCounter: Type.Integer({ minimum: 0 }),
    feedback: Type.Integer({ minimum: -1, maximum: 1, description: "The caller's own; 0: none." }),
    seen: Type.Boolean({ description: 'True once the caller has seen it.' }),
    pinned: Type.Boolean(),
  },
  { title: 'Moment' },
)
export type Moment = Static<typeof Moment>

/** The answer of a command on one moment: what happened, and the moment as it is now. */
export const MomentAnswer = Type.Object({ message: Type.String(), moment: Moment }, { title: 'MomentAnswer' })
