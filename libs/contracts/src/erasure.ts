import { createHash } from 'node:crypto'
import { defineEvent } from '@platform/events/event-type.ts'
import { ERASING_SERVICES, type ErasingService } from '@platform/platform/registry.ts'
import { type Static, Type } from 'typebox'
import { DateTime, Uuid } from './shapes.ts'

/** In place of an erased person's id, where something that they left behind needs one. */
export const NOBODY = '00000000-0000-0000-0000-000000000000'

/** The erasure of one person's data, over all services. */
export const ErasureState = Type.Object({
  id: Uuid,
  userId: Type.Optional(
    Type.String({ format: 'uuid', description: 'Whose data goes: in the request only, which has to say it.' }),
  ),
  services: Type.Array(Type.String(), { description: 'Which services have a part in it.' }),
  requestedAt: DateTime,
  completedAt: Type.Optional(DateTime),
})
export type ErasureState = Static<typeof ErasureState>

const erasureEvent = (what: string, description: string) =>
  defineEvent({ type: `groups.erasure.${what}`, topic: 'groups.erasure', description, data: ErasureState })

export const erasureRequested = erasureEvent('requested', "A person's data is to go: each service erases its part.")
export const erasureCompleted = erasureEvent('completed', 'Every service has erased its part.')

/** How far a service is with its part of an erasure. */
export const ErasurePartState = Type.Object({
  erasureId: Uuid,
  erased: Type.Integer({ minimum: 0, description: 'How many records have gone, or lost their reference, so far.' }),
  completedAt: Type.Optional(DateTime),
})
export type ErasurePartState = Static<typeof ErasurePartState>

/** The service that coordinates erasures. It records its own progress, so it publishes no events about its part. */
export const ERASURE_COORDINATOR = 'groups'

/** A service that publishes events about its part of an erasure. */
export type ErasureParticipant = Exclude<ErasingService, typeof ERASURE_COORDINATOR>

/** The services that publish events about their parts. */
export const ERASURE_PARTICIPANTS: ErasureParticipant[] = ERASING_SERVICES.filter(
  (service) => service !== ERASURE_COORDINATOR,
)

function definePartEvents(service: ErasureParticipant) {
  const partEvent = (what: string, description: string) =>
    defineEvent({
      type: `${service}.erasure.${what}`,
      topic: `${service}.erasure`,
      description: `${description} Subject and key are the erasure.`,
      data: ErasurePartState,
    })
  return {
    progressed: partEvent('progressed', 'A batch of an erased person’s data has gone.'),
    completed: partEvent('completed', 'Nothing of an erased person’s data is left in the service.'),
  }
}
export type ErasurePartEvents = ReturnType<typeof definePartEvents>

const partEvents = new Map<string, ErasurePartEvents>(
  ERASURE_PARTICIPANTS.map((service) => [service, definePartEvents(service)]),
)

/**
 * Returns the events that a service publishes about its part of an erasure.
 *
 * @throws Error for a service that publishes none
 */
export function erasurePartEvents(service: string): ErasurePartEvents {
  const events = partEvents.get(service)
  if (!events) throw new Error(`The ${service} service publishes no events about its part of an erasure.`)
  return events
}

/**
 * Under which id an erased person's place in a group is kept on: its versions have to go on, and a mute outlives leaving,
 * but nobody can read from it who that was. Whoever knows both ids finds the place again, so somebody who comes back
 * continues it.
 */
export function erasedPersonId(groupId: string, userId: string): string {
  const hex = createHash('sha256').update(`${groupId}/${userId}`).digest('hex')
  // RFC 9562, version 8: an id made up by the application.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
