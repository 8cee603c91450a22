import { randomUUID } from 'node:crypto'
import { type Capture, robotMomentCaptured } from '@platform/contracts/robots.ts'
import { openDatabase } from '@platform/db/database.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'

/** Settings of processes; undefined for the embedded log. */
export type Kafka = { brokers: string; topicPrefix: string } | undefined

/** Returns the embedded log, and Kafka where there are brokers. */
export function transportsOn(brokers: string | undefined): { on: string; kafka: Kafka }[] {
  return [
    { on: 'the embedded log', kafka: undefined },
    ...(brokers ? [{ on: 'Kafka', kafka: { brokers, topicPrefix: uniquePrefix() } }] : []),
  ]
}

/** A message on the topic of robots. */
export interface RobotMessage {
  key: string
  value: string
}

/** Returns a capture as the systems that operate robots send it. */
export function toMessage(capture: Capture, over: { id?: string; data?: unknown } = {}): RobotMessage {
  const event = {
    specversion: '1.0',
    id: randomUUID(),
    source: '/robots',
    type: robotMomentCaptured.type,
    subject: capture.sourceId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    entityversion: 1,
    data: capture,
    ...over,
  }
  return { key: capture.robotUUID, value: JSON.stringify(event) }
}

/** Sends what robots capture. */
export interface RobotTopic {
  send(messages: RobotMessage[]): Promise<void>
  stop(): Promise<void>
}

export async function openRobotTopic(kafka: Kafka, database: Pick<TestDatabase, 'urlFor'>): Promise<RobotTopic> {
  const databaseUrl = database.urlFor('moments')
  const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
  const { pool, close } = openDatabase({ url: databaseUrl, applicationName: 'robots', log, poolSize: 1 })
  const settings = { KAFKA_BROKERS: kafka?.brokers, KAFKA_TOPIC_PREFIX: kafka?.topicPrefix }
  const transport = openTransport({ settings, clientId: 'robots', pool, databaseUrl, log, onFatal: () => {} })
  const { topic } = robotMomentCaptured
  await transport.ensureTopics([topic])
  return {
    // A broker that has just made the topic may not know its leaders yet.
    send: (messages) => eventually(() => transport.send(messages.map(({ key, value }) => ({ topic, key, value })))),
    stop: async () => {
      await transport.close()
      await close()
    },
  }
}
