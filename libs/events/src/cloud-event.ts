import { continueTrace } from '@platform/http/trace.ts'
import { type Static, Type } from 'typebox'
import { compileLazily } from './event-type.ts'
import { InvalidEvent } from './failures.ts'

// PostgreSQL has no text with a NUL in it.
const Text = (description: string) =>
  Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]*$', description })

/** CloudEvents 1.0 in JSON, with the extensions that the platform uses. */
export const CloudEventEnvelope = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Text('Unique for the source; the same when sent again.'),
  source: Text('Such as /services/groups.'),
  type: Text('Such as groups.group.created.'),
  subject: Text('The id of the entity.'),
  time: Type.String({ format: 'date-time' }),
  datacontenttype: Type.Literal('application/json'),
  dataschema: Type.Optional(Type.String()),
  data: Type.Unknown(),
  entityversion: Type.Integer({ minimum: 1, description: 'Grows by one with every event of the subject.' }),
  traceparent: Type.Optional(Type.String({ description: 'W3C trace context.' })),
  actorid: Type.Optional(Type.String({ description: 'Whose request it was.' })),
  snapshot: Type.Optional(
    Type.Boolean({ description: 'The state as it is, published again: it needs no predecessor.' }),
  ),
})

/** An event as it travels. `D` is its data once that was checked. */
export type CloudEvent<D = unknown> = Omit<Static<typeof CloudEventEnvelope>, 'data'> & { data: D }

const checkEnvelope = compileLazily<CloudEvent>(CloudEventEnvelope)

/**
 * Reads an envelope. Its data is left unchecked: only its type's definition knows it.
 *
 * @throws InvalidEvent
 */
export function parseCloudEvent(text: string): CloudEvent {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidEvent('The message', ['it is no JSON'])
  }
  return checkEnvelope(value, 'The envelope')
}

/** What made something happen: it is noted in each event that comes of it. */
export interface Cause {
  at: Date
  /** W3C trace context. */
  traceparent?: string
  /** Whose request it was. */
  actorId?: string
}

/** The cause of what a handler publishes: the event it handles, with its trace and its actor. */
export function causedBy(event: CloudEvent, at: Date): Cause {
  return { at, traceparent: continueTrace(event.traceparent), actorId: event.actorid }
}
