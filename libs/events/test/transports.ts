import { openDatabase } from '@platform/db/database.ts'
import { uniquePrefix } from '@platform/testing/kafka.ts'
import { openTransport } from '../src/open-transport.ts'
import type { ConsumeOptions, Consumption, EventTransport, TransportMessage } from '../src/transport.ts'
import { quiet } from './harness.ts'

/** How to reach a transport, for this process and for others. */
export interface TransportPlace {
  databaseUrl: string
  brokers?: string
  prefix: string
}

export interface TransportKind {
  name: string
  place(databaseUrl: string): TransportPlace
}

/** Names of its own, in the log that is in this database. */
export function placeInLog(databaseUrl: string): TransportPlace {
  return { databaseUrl, prefix: uniquePrefix() }
}

/**
 * The embedded log, and Kafka where it can be had: the run's set-up has said loudly when it cannot.
 *
 * @param brokers of `findKafkaBrokers`; the test file asks for them itself, since that makes the run start a Kafka
 */
export function transportKinds(brokers: string | undefined): TransportKind[] {
  const kinds: TransportKind[] = [{ name: 'the embedded log', place: placeInLog }]
  if (brokers) kinds.push({ name: 'Kafka', place: (databaseUrl) => ({ ...placeInLog(databaseUrl), brokers }) })
  return kinds
}

/** A transport with a pool of its own, as a process has it. */
export function openAt(place: TransportPlace, onFatal: (error: unknown) => void = rethrow): EventTransport {
  const { databaseUrl, prefix } = place
  const database = openDatabase({ url: databaseUrl, applicationName: 'transport test', log: quiet })
  const transport = openTransport({
    settings: { KAFKA_BROKERS: place.brokers, KAFKA_TOPIC_PREFIX: prefix },
    clientId: 'test',
    pool: database.pool,
    databaseUrl,
    log: quiet,
    onFatal,
  })
  const close = transport.close.bind(transport)
  transport.close = async () => {
    await close()
    await database.close()
  }
  return transport
}

function rethrow(error: unknown): void {
  throw error
}

/** A group's member that only writes down what it gets. */
export interface Collector extends Consumption {
  received: TransportMessage[]
}

export function collect(
  transport: EventTransport,
  options: Omit<ConsumeOptions, 'handle'> & Partial<Pick<ConsumeOptions, 'handle'>>,
): Collector {
  const received: TransportMessage[] = []
  const consumption = transport.consume({
    ...options,
    handle: async (batch) => {
      await options.handle?.(batch)
      received.push(...batch.messages.map(({ topic, key, value }) => ({ topic, key, value })))
    },
  })
  return { received, isReady: () => consumption.isReady(), stop: () => consumption.stop() }
}

/** `count` messages for each key, in the order in which they were made: values 0, 1, 2, … */
export function series(topic: string, keys: string[], count: number, from = 0): TransportMessage[] {
  return Array.from({ length: count }, (_, index) =>
    keys.map((key) => ({ topic, key, value: String(from + index) })),
  ).flat()
}

/** What came for each key, each message counted when it came first. */
export function firstByKey(messages: TransportMessage[]): Record<string, string[]> {
  const byKey = Map.groupBy(messages, ({ key }) => key)
  return Object.fromEntries([...byKey].map(([key, some]) => [key, [...new Set(some.map(({ value }) => value))]]))
}

/** A transport that does something of the test's around the real one's `send`. */
export function aroundSend(
  transport: EventTransport,
  send: (messages: TransportMessage[], proceed: () => Promise<void>) => Promise<void>,
): EventTransport {
  return {
    ensureTopics: (topics) => transport.ensureTopics(topics),
    send: (messages) => send(messages, () => transport.send(messages)),
    consume: (options) => transport.consume(options),
    isHealthy: () => transport.isHealthy(),
    close: () => transport.close(),
  }
}
