import { defineEvent, type EventType } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { robotAccessEvents } from './robot-access.ts'
import { DateTime, OneOf, Uuid } from './shapes.ts'

/** Matches every text that PostgreSQL can store: it has no NUL. */
const WITHOUT_NUL = '^[^\\u0000]*$'

/** One file of a capture: uploaded before, or hosted by the robot elsewhere. */
export const CapturedMedia = Type.Object(
  {
    kind: OneOf(['video', 'image', 'thumbnail', 'audio', 'metadata']),
    uploadUUID: Type.Optional({
      ...Uuid,
      description: 'An upload from `POST /robots/{robotUUID}/uploads`. Excludes `uri`.',
    }),
    uri: Type.Optional(
      Type.String({
        maxLength: 2_048,
        pattern: '^https?://[^\\s\\u0000-\\u001f]+$',
        description: 'Address of a file that the robot hosts itself; shown to clients as it is.',
      }),
    ),
    contentType: Type.Optional(
      Type.String({ maxLength: 100, pattern: '^[a-z0-9.+-]+/[a-z0-9.+-]+$', description: 'With `uri` only.' }),
    ),
    bytes: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'With `uri` only.' }),
    ),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Lower-case hexadecimal. With `uri` only.' }),
    ),
  },
  { title: 'CapturedMedia' },
)
export type CapturedMedia = Static<typeof CapturedMedia>

/** Names of features: short words, so that a model can list them. */
const FEATURE_NAME = '^[A-Za-z0-9_.-]{1,50}$'
const FEATURE_LIMIT = 1e9

/** One capture of a robot: the body of `POST /moments`, and the data of `robots.moment.captured`. */
export const Capture = Type.Object(
  {
    robotUUID: Uuid,
    sourceId: Type.String({
      minLength: 1,
      maxLength: 200,
      pattern: WITHOUT_NUL,
      description: "The robot's own id of the capture: the same capture is stored once.",
    }),
    type: Type.String({
      minLength: 1,
      maxLength: 50,
      pattern: WITHOUT_NUL,
      description: "`video`, `photo`, or the robot's own word.",
    }),
    title: Type.Optional(Type.String({ maxLength: 200, pattern: WITHOUT_NUL })),
    capturedAt: { ...DateTime, description: 'May be years ago; at most a day ahead.' },
    timeZone: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description: "IANA name of the robot's zone at capture. Default: its present zone.",
      }),
    ),
    expiresAt: Type.Optional(DateTime),
    features: Type.Optional(
      Type.Unsafe<Record<string, number>>({
        type: 'object',
        maxProperties: 20,
        patternProperties: { [FEATURE_NAME]: { type: 'number', minimum: -FEATURE_LIMIT, maximum: FEATURE_LIMIT } },
        additionalProperties: false,
        description: 'Numbers that the smart feed may learn from.',
      }),
    ),
    media: Type.Array(CapturedMedia, { minItems: 1, maxItems: 8 }),
  },
  { title: 'Capture' },
)
export type Capture = Static<typeof Capture>

export const robotMomentCaptured = defineEvent({
  type: 'robots.moment.captured',
  topic: 'robots.moment',
  description:
    'A robot captured something, as for `POST /moments`. Keyed by the robot; the subject is the source id. The same capture has one effect, however often it is sent.',
  data: Capture,
})

/** Every type of event that the platform takes from the systems that operate robots. */
export const receivedEvents: EventType[] = [robotMomentCaptured, ...robotAccessEvents]
