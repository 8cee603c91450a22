import type pg from 'pg'

/** A message for a topic. Messages of one key keep their order. */
export interface TransportMessage {
  topic: string
  key: string
  value: string
}

/** A message as it arrives. */
export interface ReceivedMessage extends TransportMessage {
  partition: number
  /** Ascending within the partition, not always by one. */
  offset: number
}

/** Messages of one partition, in order. */
export interface Batch {
  topic: string
  partition: number
  messages: ReceivedMessage[]
  /** How many more wait in the partition behind these. */
  lag: number
  /** Aborted when the partition is taken away or the consumer stops: give up soon, and reject. */
  signal: AbortSignal
}

export interface ConsumeOptions {
  /** Each group gets every message; its members share the partitions. A new group begins with the oldest message. */
  group: string
  topics: string[]
  /**
   * Called for one batch of a partition at a time, and for several partitions at once. The transport keeps the
   * membership alive meanwhile, for as long as it takes. What resolves is not delivered to the group again, but after
   * a crash; what rejects is.
   */
  handle(batch: Batch): Promise<void>
}

/** A member of a group, at work in the background. */
export interface Consumption {
  /** Whether it belongs to its group at the moment. */
  isReady(): boolean
  /** Gives back its partitions after what is being handled has been given up or is done. */
  stop(): Promise<void>
}

/**
 * What events travel on. Delivery is at least once, and in order for each key, but that a message may come again later.
 */
export interface EventTransport {
  /** Creates the topics that are missing. */
  ensureTopics(topics: string[]): Promise<void>
  /**
   * Resolves when all messages are stored safely. When it rejects, some of them may be.
   *
   * @param messages for topics that exist
   */
  send(messages: TransportMessage[]): Promise<void>
  /**
   * Moves the oldest rows of an outbox, in the order of their ids and in one transaction. Only a log has it that is in
   * the outbox's own database: what it takes need not come past the process.
   *
   * @param client a connection whose search path has the outbox
   * @returns how long each has waited in the outbox, in seconds; none: it is empty
   */
  moveOutbox?(client: pg.Client, limit: number): Promise<number[]>
  /** Joins the group in the background, and again after each outage. */
  consume(options: ConsumeOptions): Consumption
  /** Whether the last exchange with the broker worked. */
  isHealthy(): boolean
  close(): Promise<void>
}

/** More than anyone needs today, since adding some later breaks the order within a key. */
export const PARTITIONS = 12
