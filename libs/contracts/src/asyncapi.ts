import { CloudEventEnvelope } from '@platform/events/cloud-event.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { PARTITIONS } from '@platform/events/transport.ts'
import { stringify } from 'yaml'
import { publishedEvents } from './published-events.ts'
import { receivedEvents } from './robots.ts'

/** Every event is a CloudEvent in JSON, the data inside the envelope. */
export const CONTENT_TYPE = 'application/cloudevents+json'

const KAFKA_BINDING = '0.5.0'

const DESCRIPTION = `What the platform tells other systems, and what it takes from them, as CloudEvents 1.0 in structured JSON.

A topic an entity. The key is the entity's id (a participant's: its group's), so what happens to one thing arrives in
order, and at least once. \`entityversion\` counts the changes of the subject: apply the next one, ignore those that you
have, wait for one that is missing. Data is the whole new state. Schemas gain optional fields and nothing else.`

/** As much of an AsyncAPI 3.0 document as the platform fills in. */
export interface AsyncApiDocument {
  asyncapi: '3.0.0'
  info: { title: string; version: string; description: string }
  defaultContentType: string
  channels: Record<string, unknown>
  operations: Record<string, unknown>
  components: { messages: Record<string, unknown>; schemas: Record<string, unknown> }
}

/**
 * Returns the AsyncAPI 3.0 document of all events, derived from their definitions: those that the platform sends, then
 * those that it receives. A deployment may prefix its topics.
 */
export function asyncApiDocument(): AsyncApiDocument {
  const document: AsyncApiDocument = {
    asyncapi: '3.0.0',
    info: { title: 'Platform events', version: '1.0.0', description: DESCRIPTION },
    defaultContentType: CONTENT_TYPE,
    channels: {},
    operations: {},
    components: { messages: {}, schemas: { CloudEvent: plain(CloudEventEnvelope) } },
  }
  describe(document, publishedEvents, (topic) => [`publish.${topic}`, 'send'])
  describe(document, receivedEvents, (topic) => [`receive.${topic}`, 'receive'])
  return document
}

function describe(
  document: AsyncApiDocument,
  all: readonly EventType[],
  operationOf: (topic: string) => [name: string, action: 'send' | 'receive'],
): void {
  for (const [topic, events] of Map.groupBy(all, ({ topic }) => topic)) {
    document.channels[topic] = {
      address: topic,
      messages: Object.fromEntries(events.map(({ type }) => [type, ref('components', 'messages', type)])),
      bindings: { kafka: { topic, partitions: PARTITIONS, bindingVersion: KAFKA_BINDING } },
    }
    const [operation, action] = operationOf(topic)
    document.operations[operation] = { action, channel: ref('channels', topic) }
    for (const event of events) {
      const schemaName = nameOfSchema(event, events)
      document.components.schemas[schemaName] ??= plain(event.schema)
      document.components.messages[event.type] = messageOf(event, schemaName)
    }
  }
}

/** The same document as YAML. */
export function toYaml(document: AsyncApiDocument): string {
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 })
}

function messageOf({ type, description, dataschema }: EventType, schemaName: string): unknown {
  return {
    name: type,
    title: type,
    summary: description,
    contentType: CONTENT_TYPE,
    payload: {
      allOf: [
        ref('components', 'schemas', 'CloudEvent'),
        {
          type: 'object',
          properties: {
            type: { const: type },
            dataschema: { const: dataschema },
            data: ref('components', 'schemas', schemaName),
          },
        },
      ],
    },
    bindings: { kafka: { key: { type: 'string', format: 'uuid' }, bindingVersion: KAFKA_BINDING } },
  }
}

/** A topic's events mostly carry the same state, which is then said once, under the topic's name. */
function nameOfSchema({ type, topic, schema }: EventType, ofTopic: EventType[]): string {
  return ofTopic.every((other) => other.schema === schema) ? topic : type
}

function ref(...path: string[]): { $ref: string } {
  return { $ref: `#/${path.join('/')}` }
}

/** Without what TypeBox keeps beside the schema proper. */
function plain(schema: object): unknown {
  return JSON.parse(JSON.stringify(schema))
}
