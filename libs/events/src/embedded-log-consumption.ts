import { randomUUID } from 'node:crypto'
import type { Logger } from '@platform/log/logger.ts'
import type pg from 'pg'
import { keepSession } from './session.ts'
import type { ConsumeOptions, Consumption, ReceivedMessage } from './transport.ts'
import { Bell, pause } from './waiting.ts'

export interface LogConsumptionOptions extends ConsumeOptions {
  pool: pg.Pool
  databaseUrl: string
  log: Logger
  prefix: string
  leaseMs?: number
  ensureTopics(): Promise<void>
}

/** A partition that this member owns. */
interface OwnedPartition {
  topic: string
  partition: number
  /** The next offset to read. */
  position: number
  /** While a batch of it is being handled. */
  busy?: Promise<void>
  isRevoked: boolean
  lost: AbortController
  /** Aborted when the partition is lost or the whole membership is. */
  signal: AbortSignal
}

interface Assigned {
  topic: string
  partition: number
  next_offset: number
  is_revoked: boolean
}

interface Fetched {
  topic: string
  partition: number
  offset: number
  key: string
  value: string
  next_offset: number
}

const HEARTBEAT_MS = 2_000
// Notifications wake the reader; this is how late it is when one got lost.
const POLL_MS = 2_000
const FETCH_LIMIT = 200
const RETRY_MS = 500

/**
 * One member of a group. Its membership hangs on a connection of its own, which holds a lock on the member's id: when
 * the process dies the others see it at once, and when only the connection dies, the member gives up its partitions.
 */
export class LogConsumption implements Consumption {
  readonly #options: LogConsumptionOptions
  readonly #group: string
  readonly #topics: string[]
  readonly #partitions = new Map<string, OwnedPartition>()
  readonly #stop = new AbortController()
  readonly #heartbeatDue = new Bell()
  readonly #workDue = new Bell()
  readonly #done: Promise<void>
  #isMember = false

  constructor(options: LogConsumptionOptions) {
    this.#options = options
    this.#group = options.prefix + options.group
    this.#topics = options.topics.map((topic) => options.prefix + topic)
    this.#done = keepSession({
      databaseUrl: options.databaseUrl,
      applicationName: `${options.group} events`,
      log: options.log,
      stop: this.#stop.signal,
      run: (client, lost) => this.#beMember(client, lost),
    })
  }

  isReady(): boolean {
    return this.#isMember
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #beMember(client: pg.Client, lost: AbortSignal): Promise<void> {
    const member = randomUUID()
    const failed = new AbortController()
    const over = AbortSignal.any([lost, failed.signal])
    client.on('notification', ({ payload }) => {
      if (payload === `group:${this.#group}`) this.#heartbeatDue.ring()
      else if (payload?.startsWith('topic:') && this.#topics.includes(payload.slice(6))) this.#workDue.ring()
    })
    await client.query('listen event_log')
    await client.query(`select pg_advisory_lock(hashtextextended('event_log member ' || $1, 0))`, [member])
    await this.#options.ensureTopics()
    const loops = [this.#heartbeats(client, member, over), this.#fetches(member, over)]
    for (const loop of loops) loop.catch(() => failed.abort())
    try {
      await Promise.all(loops)
    } finally {
      this.#isMember = false
      // The other loop may be about to take over a partition, which would be left with an aborted signal for ever.
      await Promise.allSettled(loops)
      await Promise.all([...this.#partitions.values()].map((owned) => this.#lose(owned)))
      if (!lost.aborted || this.#stop.signal.aborted) {
        await client.query('select event_log.leave($1, $2)', [this.#group, member]).catch(() => {})
      }
    }
  }

  async #heartbeats(client: pg.Client, member: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const { rows } = await client.query<Assigned>('select * from event_log.heartbeat($1, $2, $3, $4)', [
        this.#group,
        member,
        this.#topics,
        this.#options.leaseMs ?? 10_000,
      ])
      if (over.aborted) return
      this.#isMember = true
      this.#takeOver(rows, over)
      const idle = [...this.#partitions.values()].filter((owned) => owned.isRevoked && !owned.busy)
      if (idle.length > 0) {
        for (const owned of idle) this.#partitions.delete(placeOf(owned))
        await client.query('select event_log.release($1, $2, $3, $4)', [
          this.#group,
          member,
          idle.map(({ topic }) => topic),
          idle.map(({ partition }) => partition),
        ])
      }
      await this.#heartbeatDue.wait(HEARTBEAT_MS, over)
    }
  }

  /** Adjusts what is owned to what the log says. */
  #takeOver(rows: Assigned[], over: AbortSignal): void {
    const assigned = new Set(rows.map(placeOf))
    for (const [place, owned] of this.#partitions) {
      if (!assigned.has(place)) void this.#lose(owned)
    }
    for (const row of rows) {
      const owned = this.#partitions.get(placeOf(row))
      if (owned) {
        // Handed on only when the batch at hand is done with, so that nobody else begins before.
        if (row.is_revoked && !owned.isRevoked) owned.lost.abort()
        // Given back before it was let go of: the batch at hand was told to give up, the next one must not be.
        if (!row.is_revoked && owned.isRevoked) {
          Object.assign(owned, untilLost(over))
          this.#workDue.ring()
        }
        owned.isRevoked = row.is_revoked
      } else {
        const { topic, partition, next_offset: position, is_revoked: isRevoked } = row
        this.#partitions.set(placeOf(row), { topic, partition, position, isRevoked, ...untilLost(over) })
        this.#workDue.ring()
      }
    }
  }

  async #lose(owned: OwnedPartition): Promise<void> {
    this.#partitions.delete(placeOf(owned))
    owned.lost.abort()
    await owned.busy
  }

  async #fetches(member: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const idle = [...this.#partitions.values()].filter((owned) => !owned.busy && !owned.isRevoked)
      for (const [place, records] of await this.#fetch(idle)) {
        const owned = this.#partitions.get(place)
        if (!owned || owned.busy || owned.isRevoked) continue
        owned.busy = this.#deliver(owned, records, member).finally(() => {
          owned.busy = undefined
          const due = owned.isRevoked ? this.#heartbeatDue : this.#workDue
          due.ring()
        })
      }
      await this.#workDue.wait(POLL_MS, over)
    }
  }

  async #fetch(idle: OwnedPartition[]): Promise<Map<string, Fetched[]>> {
    if (idle.length === 0) return new Map()
    const { rows } = await this.#options.pool.query<Fetched>({
      name: 'event_log.fetch',
      text: 'select * from event_log.fetch($1, $2, $3, $4)',
      values: [
        idle.map(({ topic }) => topic),
        idle.map(({ partition }) => partition),
        idle.map(({ position }) => position),
        FETCH_LIMIT,
      ],
    })
    return Map.groupBy(rows, placeOf)
  }

  /** Never rejects: what goes wrong leaves the position where it is, so that the batch comes again. */
  async #deliver(owned: OwnedPartition, records: Fetched[], member: string): Promise<void> {
    const { log, prefix, handle, pool } = this.#options
    const last = records.at(-1)
    if (!last) return
    const topic = owned.topic.slice(prefix.length)
    const { partition, signal } = owned
    try {
      await handle({
        topic,
        partition,
        messages: records.map(({ offset, key, value }): ReceivedMessage => ({ topic, partition, offset, key, value })),
        lag: last.next_offset - 1 - last.offset,
        signal,
      })
      const { rows } = await pool.query<{ committed: boolean }>({
        name: 'event_log.commit',
        text: 'select event_log.commit($1, $2, $3, $4, $5) as committed',
        values: [this.#group, member, owned.topic, partition, last.offset + 1],
      })
      if (rows[0]?.committed) owned.position = last.offset + 1
      else if (this.#partitions.get(placeOf(owned)) === owned) void this.#lose(owned)
    } catch (error) {
      if (signal.aborted) return
      log.warn('a batch of events comes again', { topic, partition, error })
      await pause(RETRY_MS, signal)
    }
  }
}

function untilLost(over: AbortSignal): Pick<OwnedPartition, 'lost' | 'signal'> {
  const lost = new AbortController()
  return { lost, signal: AbortSignal.any([lost.signal, over]) }
}

const placeOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic}/${partition}`
