import type { Logger } from '@platform/log/logger.ts'
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { ConsumeOptions, Consumption, ReceivedMessage } from './transport.ts'
import { backOffMs, pause } from './waiting.ts'

export interface KafkaConsumptionOptions extends ConsumeOptions {
  kafka: Kafka
  prefix: string
  sessionTimeoutMs?: number
  log: Logger
  onFatal: (error: unknown) => void
  ensureTopics(): Promise<void>
}

const HEARTBEAT_MS = 1_000
const RETRY_MS = 500
const COORDINATOR_MS = 1_000
// How many partitions are handed out at once; how much work that becomes is up to whoever handles them.
const CONCURRENT_PARTITIONS = 4

/** One member of a Kafka consumer group. */
export class KafkaConsumption implements Consumption {
  readonly #options: KafkaConsumptionOptions
  readonly #consumer: Consumer
  readonly #stop = new AbortController()
  #started: Promise<void>
  #isMember = false

  constructor(options: KafkaConsumptionOptions) {
    this.#options = options
    this.#consumer = options.kafka.consumer({
      groupId: options.prefix + options.group,
      sessionTimeout: options.sessionTimeoutMs ?? 10_000,
      heartbeatInterval: HEARTBEAT_MS,
      rebalanceTimeout: 30_000,
      // How long an empty fetch waits at the broker, and so how long a stop can take.
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: 524_288,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    })
    this.#watch()
    this.#started = this.#start()
  }

  isReady(): boolean {
    return this.#isMember
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#isMember = false
    await this.#started
    await this.#consumer.disconnect()
  }

  #watch(): void {
    const { on, events } = this.#consumer
    const { log, onFatal, group } = this.#options
    on(events.GROUP_JOIN, () => {
      this.#isMember = !this.#stop.signal.aborted
    })
    on(events.REBALANCING, () => {
      this.#isMember = false
    })
    on(events.CRASH, ({ payload: { error, restart } }) => {
      this.#isMember = false
      if (this.#stop.signal.aborted) return
      log.warn('the event consumer lost its broker', { group, error, restart })
      if (restart) return
      if (lacksCoordinator(error)) this.#started = this.#startAgain()
      // KafkaJS gives up for good on what it does not know; a process that goes on would only look healthy.
      else onFatal(error)
    })
  }

  async #startAgain(): Promise<void> {
    await this.#started
    await pause(COORDINATOR_MS, this.#stop.signal)
    await this.#start()
  }

  /** Joins as soon as the broker answers. */
  async #start(): Promise<void> {
    const { ensureTopics, topics, prefix, log, group } = this.#options
    for (let failures = 1; !this.#stop.signal.aborted; failures++) {
      try {
        await ensureTopics()
        await this.#consumer.connect()
        await this.#consumer.subscribe({ topics: topics.map((topic) => prefix + topic), fromBeginning: true })
        await this.#consumer.run({
          eachBatchAutoResolve: false,
          partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
          eachBatch: (payload) => this.#deliver(payload),
        })
        return
      } catch (error) {
        if (failures === 1) log.warn('the event broker is out of reach', { group, error })
        await pause(backOffMs(failures), this.#stop.signal)
      }
    }
  }

  /**
   * Never throws anything of ours: KafkaJS would take a TypeError for its own and stop for good. A batch whose offset
   * is not resolved comes again.
   */
  async #deliver({ batch, heartbeat, resolveOffset, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { handle, prefix, log } = this.#options
    const topic = batch.topic.slice(prefix.length)
    const { partition } = batch
    const lost = new AbortController()
    let eviction: unknown
    // The member has to be heard of while the handler is at work or waits for a database that is away.
    const beat = setInterval(() => {
      heartbeat().catch((error: unknown) => {
        eviction = error
        lost.abort()
      })
    }, HEARTBEAT_MS)
    const signal = AbortSignal.any([lost.signal, this.#stop.signal])
    try {
      if (!isRunning() || isStale()) return
      const messages = batch.messages.map(
        ({ key, value, offset }): ReceivedMessage => ({
          topic,
          partition,
          offset: Number(offset),
          key: key?.toString() ?? '',
          value: value?.toString() ?? '',
        }),
      )
      await handle({ topic, partition, messages, lag: Number(batch.offsetLag()), signal })
      resolveOffset(batch.lastOffset())
    } catch (error) {
      if (!signal.aborted) {
        log.warn('a batch of events comes again', { topic, partition, error })
        await pause(RETRY_MS, signal)
      }
    } finally {
      clearInterval(beat)
    }
    // KafkaJS's own error, which makes it join anew.
    if (eviction) throw eviction
  }
}

/** A broker has none of a group right after its first start; KafkaJS gives up on that after a few tries. */
function lacksCoordinator(error: Error): boolean {
  return (
    error.name === 'KafkaJSGroupCoordinatorNotFound' || (error.cause instanceof Error && lacksCoordinator(error.cause))
  )
}
