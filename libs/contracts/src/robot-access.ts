import { defineEvent } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { DateTime, OneOf, Uuid } from './shapes.ts'

/** A user's right on a robot, as the system that manages robots publishes it. */
export const RobotAccessState = Type.Object({
  robotUUID: Uuid,
  userId: Uuid,
  right: OneOf(['viewer', 'owner']),
  visibleFrom: Type.Optional({
    ...DateTime,
    description: 'Moments that were captured earlier are hidden from the user.',
  }),
})
export type RobotAccessState = Static<typeof RobotAccessState>

const robotAccessEvent = (what: string, description: string) =>
  defineEvent({
    type: `robots.access.${what}`,
    topic: 'robots.access',
    description: `${description} The key is the robot, the subject ROBOT/USER, and entityversion counts its changes.`,
    data: RobotAccessState,
  })

export const robotAccessGranted = robotAccessEvent('granted', 'A user got a right on a robot, or another one.')
export const robotAccessRevoked = robotAccessEvent('revoked', 'A user lost their right on a robot.')

/** Events that the platform receives. The system that manages robots publishes them. */
export const robotAccessEvents = [robotAccessGranted, robotAccessRevoked]
