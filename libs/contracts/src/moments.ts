import { defineEvent } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { erasurePartEvents } from './erasure.ts'
import { DateTime, OneOf, Uuid } from './shapes.ts'

const Count = Type.Integer({ minimum: 0 })

/** One file of a moment, without an address: consumers ask the API for one, which expires. */
export const MediaState = Type.Object({
  uuid: Uuid,
  kind: OneOf(['video', 'image', 'thumbnail', 'audio', 'metadata']),
  contentType: Type.Optional(Type.String()),
  bytes: Type.Optional(Count),
  sha256: Type.Optional(Type.String({ description: 'Hexadecimal.' })),
})

/** The state of a moment that other services may know. */
export const MomentState = Type.Object({
  uuid: Uuid,
  robotUUID: Uuid,
  sourceId: Type.String({ description: "The robot's own id of the capture." }),
  type: Type.String(),
  title: Type.Optional(Type.String()),
  capturedAt: DateTime,
  timeZone: Type.String({ description: 'IANA name: the zone of the robot at capture.' }),
  localTime: Type.String({ description: 'Wall clock at capture, HH:MM:SS.' }),
  localDate: Type.String({ description: 'Wall clock at capture, YYYY-MM-DD.' }),
  expiresAt: Type.Optional(DateTime),
  media: Type.Array(MediaState, { maxItems: 10 }),
  shareCount: Count,
  viewCounter: Count,
  pinned: Type.Boolean(),
  createdAt: DateTime,
  updatedAt: DateTime,
  deletedAt: Type.Optional(DateTime),
})
export type MomentState = Static<typeof MomentState>

const momentEvent = (what: string, description: string) =>
  defineEvent({ type: `moments.moment.${what}`, topic: 'moments.moment', description, data: MomentState })

export const momentCaptured = momentEvent('captured', 'A robot uploaded a capture.')
export const momentChanged = momentEvent(
  'changed',
  'A moment was pinned or unpinned, or its counts have changed. Counts are published in batches, not with each view.',
)
export const momentDeleted = momentEvent('deleted', 'A moment and its media moved to the trash.')
export const momentRestored = momentEvent('restored', 'A moment and its media left the trash.')

/** The receipt of a purge: nothing of the moment is left but its ids. */
export const PurgeReceipt = Type.Object({
  uuid: Uuid,
  robotUUID: Uuid,
  sourceId: Type.String(),
  media: Type.Array(
    Type.Object({
      uuid: Uuid,
      objectKey: Type.Optional(Type.String({ description: 'Absent for a file that the robot hosts elsewhere.' })),
      sha256: Type.Optional(Type.String({ description: 'Hexadecimal.' })),
    }),
  ),
  purgedAt: DateTime,
})
export type PurgeReceipt = Static<typeof PurgeReceipt>

export const momentPurged = defineEvent({
  type: 'moments.moment.purged',
  topic: 'moments.moment',
  description: 'A moment is gone for good: each of its files was deleted, and the store confirmed that it is gone.',
  data: PurgeReceipt,
})

/** One action of a user on a moment, for the robot that captured it. */
export const MomentActionState = Type.Object({
  uuid: Uuid,
  momentUUID: Uuid,
  robotUUID: Uuid,
  action: OneOf(['like', 'unlike', 'dislike', 'share', 'delete', 'restore']),
  at: DateTime,
})
export type MomentActionState = Static<typeof MomentActionState>

export const momentActionRecorded = defineEvent({
  type: 'moments.action.recorded',
  topic: 'moments.action',
  description: 'A user liked, disliked, shared, deleted or restored a moment. Keyed by the robot, in order of time.',
  data: MomentActionState,
})

export const momentsEvents = [
  momentCaptured,
  momentChanged,
  momentDeleted,
  momentRestored,
  momentPurged,
  momentActionRecorded,
  ...Object.values(erasurePartEvents('moments')),
]
