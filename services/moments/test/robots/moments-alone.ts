import { randomUUID } from 'node:crypto'
import { type Database, openDatabase } from '@platform/db/database.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import type { EventTransport } from '@platform/events/transport.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'
import { startProcesses, TEST_ASSERTION_SECRET, type TestProcesses } from '@platform/testing/processes.ts'
import { type MadeUpCaller, ServiceCaller } from '@platform/testing/service-client.ts'
import type { MomentsTables } from '../../src/db/schema.ts'

/** The brokers that carry events; undefined for the embedded log. */
export type Kafka = { brokers: string; topicPrefix: string } | undefined

/** Lists the transports that a test runs on: the embedded log, and Kafka where there are brokers. */
export function transportsOn(brokers: string | undefined): { on: string; kafka: Kafka }[] {
  return [
    { on: 'the embedded log', kafka: undefined },
    ...(brokers ? [{ on: 'Kafka', kafka: { brokers, topicPrefix: uniquePrefix() } }] : []),
  ]
}

const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })

/** Opens the schema of moments with the service's own login. */
export function openMoments(database: TestDatabase): Database<MomentsTables> {
  return openDatabase<MomentsTables>({
    url: database.urlFor('moments'),
    applicationName: 'test',
    log,
    poolSize: 4,
    statementTimeoutMs: 120_000,
  })
}

/** Opens the transport that the processes use, as another system does. */
export function openTestTransport(
  kafka: Kafka,
  { database, moments }: { database: TestDatabase; moments: Database<MomentsTables> },
): EventTransport {
  return openTransport({
    settings: { KAFKA_BROKERS: kafka?.brokers, KAFKA_TOPIC_PREFIX: kafka?.topicPrefix },
    clientId: 'test',
    pool: moments.pool,
    databaseUrl: database.urlFor('moments'),
    log,
    onFatal: () => {},
  })
}

/** An event as a test publishes it; the rest of the envelope is filled in. */
export type SentEvent<D> = Pick<CloudEvent<D>, 'subject' | 'data'> & Partial<CloudEvent<D>> & { key?: string }

/** The service by itself: it knows nothing but what a test publishes. */
export interface MomentsAlone {
  moments: Database<MomentsTables>
  processes: TestProcesses
  caller(who?: MadeUpCaller): ServiceCaller
  /** Publishes an event under its key, by default its subject. */
  send<D>(type: EventType<D>, event: SentEvent<D>): Promise<void>
  stop(): Promise<void>
}

/** Starts the process of the service without any other one. */
export async function startMomentsAlone(kafka: Kafka): Promise<MomentsAlone> {
  const database = await cloneDatabase()
  const moments = openMoments(database)
  const processes = await startProcesses({ database, kafka, names: ['moments'] })
  const transport = openTestTransport(kafka, { database, moments })
  return {
    moments,
    processes,
    caller: (who) => new ServiceCaller(processes.get('moments').url, TEST_ASSERTION_SECRET, who),
    send: async ({ type, topic }, { key, ...event }) => {
      const envelope = {
        specversion: '1.0',
        id: randomUUID(),
        source: '/test',
        type,
        time: '2026-01-01T10:00:00.000Z',
        datacontenttype: 'application/json',
        entityversion: 1,
        ...event,
      }
      await transport.ensureTopics([topic])
      await transport.send([{ topic, key: key ?? event.subject, value: JSON.stringify(envelope) }])
    },
    stop: async () => {
      await processes.stop()
      await transport.close()
      await moments.close()
      await database.drop()
    },
  }
}
