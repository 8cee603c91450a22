import { expect } from '@jest/globals'
import type { Database } from '@platform/db/database.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'
import { onServer } from '@platform/testing/server.ts'
import type { SocialTables } from '../src/db/schema.ts'

/** What processes are started with; undefined for the embedded log. */
export type Kafka = { brokers: string; topicPrefix: string } | undefined

/** What events travel on: the embedded log, and Kafka where there are brokers. */
export function transportsOn(brokers: string | undefined): { on: string; kafka: Kafka }[] {
  return [
    { on: 'the embedded log', kafka: undefined },
    ...(brokers ? [{ on: 'Kafka', kafka: { brokers, topicPrefix: uniquePrefix() } }] : []),
  ]
}

interface Told {
  /** `[events, entities]` by type, of what was read so far. */
  counted(): Record<string, [number, number]>
  stop(): Promise<void>
}

/** Reads everything that was told on these topics, as somebody new to them would. */
export function readAll(
  kafka: Kafka,
  topics: string[],
  { database, social }: { database: TestDatabase; social: Database<SocialTables> },
): Told {
  const transport = openTransport({
    settings: { KAFKA_BROKERS: kafka?.brokers, KAFKA_TOPIC_PREFIX: kafka?.topicPrefix },
    clientId: 'test',
    pool: social.pool,
    databaseUrl: database.urlFor('social'),
    log: createLogger({ service: 'test', level: 'silent', format: 'pretty' }),
    onFatal: () => {},
  })
  const events = new Map<string, { type: string; subject: string }>()
  const consumption = transport.consume({
    group: 'reader',
    topics,
    handle: async ({ messages }) => {
      for (const { value } of messages) {
        const { id, type, subject } = JSON.parse(value)
        events.set(id, { type, subject })
      }
    },
  })
  return {
    counted: () =>
      Object.fromEntries(
        [...Map.groupBy(events.values(), ({ type }) => type)].map(([type, some]) => [
          type,
          [some.length, new Set(some.map(({ subject }) => subject)).size],
        ]),
      ),
    stop: async () => {
      await consumption.stop()
      await transport.close()
    },
  }
}

/** Waits until no service has anything left to tell. */
export async function whenAllIsSent(database: TestDatabase): Promise<void> {
  const left = () =>
    onServer(database.adminUrl, (client) =>
      client.query(
        'select from groups.outbox union all select from social.outbox union all select from moderation.outbox',
      ),
    )
  await eventually(async () => expect((await left()).rows).toHaveLength(0))
}
