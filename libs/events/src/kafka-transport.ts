import type { Logger } from '@platform/log/logger.ts'
import { type Admin, Kafka, Partitioners, type Producer } from 'kafkajs'
import { Consumptions } from './consumptions.ts'
import { KafkaConsumption } from './kafka-consumption.ts'
import { kafkaLog, silenceTimerWarnings } from './kafka-log.ts'
import {
  type ConsumeOptions,
  type Consumption,
  type EventTransport,
  PARTITIONS,
  type TransportMessage,
} from './transport.ts'

export type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'

export interface KafkaOptions {
  brokers: string[]
  clientId: string
  /** Put before the names of topics and groups. */
  prefix?: string
  ssl?: boolean
  sasl?: { mechanism: SaslMechanism; username: string; password: string }
  /** A member that has not been heard of for so long loses its partitions, default 10,000. */
  sessionTimeoutMs?: number
  log: Logger
  /** Called when a consumer cannot go on. */
  onFatal: (error: unknown) => void
}

/** Kafka, through KafkaJS. */
export class KafkaTransport implements EventTransport {
  readonly #kafka: Kafka
  readonly #options: KafkaOptions
  readonly #prefix: string
  readonly #ensured = new Set<string>()
  readonly #consumptions = new Consumptions()
  #producer: Producer | undefined
  #hasSent = true

  constructor(options: KafkaOptions) {
    silenceTimerWarnings()
    const { brokers, clientId, ssl, sasl, log } = options
    this.#options = options
    this.#prefix = options.prefix ?? ''
    this.#kafka = new Kafka({
      brokers,
      clientId,
      ssl: ssl ?? false,
      ...(sasl && { sasl: saslOf(sasl) }),
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 },
      logCreator: kafkaLog(log),
    })
  }

  async ensureTopics(topics: string[]): Promise<void> {
    const wanted = topics.filter((topic) => !this.#ensured.has(topic))
    if (wanted.length === 0) return
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      await this.#createMissing(
        admin,
        wanted.map((topic) => this.#prefix + topic),
      )
    } finally {
      await admin.disconnect()
    }
    for (const topic of wanted) this.#ensured.add(topic)
  }

  /** Looks first: where topics are made by somebody else, the process needs no right to create any. */
  async #createMissing(admin: Admin, topics: string[]): Promise<void> {
    const existing = new Set(await admin.listTopics())
    const missing = topics.filter((topic) => !existing.has(topic))
    if (missing.length === 0) return
    await admin.createTopics({
      topics: missing.map((topic) => ({ topic, numPartitions: PARTITIONS, replicationFactor: -1 })),
      waitForLeaders: true,
    })
  }

  async send(messages: TransportMessage[]): Promise<void> {
    const byTopic = Map.groupBy(messages, ({ topic }) => topic)
    const topicMessages = [...byTopic].map(([topic, some]) => ({
      topic: this.#prefix + topic,
      messages: some.map(({ key, value }) => ({ key, value, headers: HEADERS })),
    }))
    this.#producer ??= this.#createProducer()
    const producer = this.#producer
    try {
      await producer.connect()
      await producer.sendBatch({ acks: -1, topicMessages })
      this.#hasSent = true
    } catch (error) {
      this.#hasSent = false
      // A producer that failed would number its next messages as the lost ones, and the broker may have those already:
      // it would take other messages for their repetition and drop them. A new producer has an id of its own.
      this.#producer = undefined
      void producer.disconnect().catch(() => {})
      throw error
    }
  }

  #createProducer(): Producer {
    return this.#kafka.producer({
      idempotent: true,
      // With more, a request that is retried could be overtaken by the one after it.
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
  }

  consume(options: ConsumeOptions): Consumption {
    const { log, onFatal, sessionTimeoutMs } = this.#options
    const member = new KafkaConsumption({
      ...options,
      kafka: this.#kafka,
      prefix: this.#prefix,
      sessionTimeoutMs,
      log,
      onFatal,
      ensureTopics: () => this.ensureTopics(options.topics),
    })
    return this.#consumptions.add(member)
  }

  isHealthy(): boolean {
    return this.#hasSent && this.#consumptions.areReady()
  }

  async close(): Promise<void> {
    await this.#consumptions.stop()
    await this.#producer?.disconnect()
    this.#producer = undefined
  }
}

/** By this, readers of CloudEvents know that the envelope is in the value. */
const HEADERS = { 'content-type': 'application/cloudevents+json; charset=UTF-8' }

/** KafkaJS types each mechanism apart. */
function saslOf({ mechanism, username, password }: NonNullable<KafkaOptions['sasl']>) {
  if (mechanism === 'plain') return { mechanism, username, password } as const
  if (mechanism === 'scram-sha-256') return { mechanism, username, password } as const
  return { mechanism, username, password } as const
}
