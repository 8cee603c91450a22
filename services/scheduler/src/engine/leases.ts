import type { Logger } from '@platform/log/logger.ts'
import type { Db } from '../db/schema.ts'
import { renew } from './claims.ts'
import type { Task } from './task.ts'
import type { Time } from './time.ts'

export interface LeasesOptions {
  db: Db
  time: Time
  leaseMs: number
  holder: string
  log: Logger
}

/** What can be ended before its time. */
export interface Stoppable {
  stop(reason: Error): void
}

interface Lease {
  task: Task
  /** What is under way for it. */
  request?: Stoppable
  /** By then, on the engine's clock, somebody else may take the row. */
  until: number
}

const leaseLost = () => new Error('the lease was lost')

/** What an engine has claimed and not settled. Leases are renewed well before they end, all with one statement. */
export class Leases {
  readonly #options: LeasesOptions
  readonly #held = new Map<number, Lease>()
  /** When leases are looked at the next time, on the engine's clock. */
  #watchAt = Number.NEGATIVE_INFINITY
  #nextRenewal = () => {}
  #nextWatch = () => {}
  #isStopped = false

  constructor(options: LeasesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#held.size
  }

  start(): void {
    const { time, leaseMs } = this.#options
    this.#nextRenewal = time.alarm(time.now() + leaseMs / 3, () => void this.#renew())
    this.#watch()
  }

  stop(): void {
    this.#isStopped = true
    this.#nextRenewal()
    this.#nextWatch()
  }

  /** @param until by when, on the engine's clock, somebody else may take the row */
  hold(task: Task, until: number): void {
    this.#held.set(task.id, { task, until })
  }

  release(task: Task): void {
    // The same row may have been claimed anew meanwhile.
    if (this.#leaseOf(task)) this.#held.delete(task.id)
  }

  /** Whether a request may go out for it now: nobody else has taken the row, nor may before leases are looked at again. */
  maySend(task: Task): boolean {
    const lease = this.#leaseOf(task)
    return lease !== undefined && lease.until > Math.max(this.#options.time.now(), this.#watchAt)
  }

  /** The request is ended when the row is lost: somebody else may send then, and never two at a time. */
  begin(task: Task, request: Stoppable): void {
    const lease = this.#leaseOf(task)
    if (lease) lease.request = request
  }

  /** Ends every request that is under way. */
  abandon(reason: Error): void {
    for (const { request } of this.#held.values()) request?.stop(reason)
  }

  #leaseOf(task: Task): Lease | undefined {
    const lease = this.#held.get(task.id)
    return lease?.task === task ? lease : undefined
  }

  async #renew(): Promise<void> {
    const { db, time, leaseMs, holder, log } = this.#options
    const leases = [...this.#held.values()]
    const until = time.now() + leaseMs
    try {
      if (leases.length > 0) {
        const ours = await renew(db, { holder, tasks: leases.map(({ task }) => task) }, new Date(until))
        for (const lease of leases) {
          if (ours.has(lease.task.id)) lease.until = until
          else this.#lose(lease)
        }
      }
    } catch (error) {
      log.warn('leases could not be renewed', { count: leases.length, error })
    }
    if (!this.#isStopped) this.#nextRenewal = time.alarm(time.now() + leaseMs / 3, () => void this.#renew())
  }

  /** Ends requests before their leases do. Not a renewal's task: one that waits for a dead server may take longer. */
  #watch(): void {
    const { time, leaseMs } = this.#options
    this.#watchAt = time.now() + leaseMs / 10
    for (const { request, until } of this.#held.values()) if (until <= this.#watchAt) request?.stop(leaseLost())
    if (!this.#isStopped) this.#nextWatch = time.alarm(this.#watchAt, () => this.#watch())
  }

  /** Somebody else has the row. */
  #lose(lease: Lease): void {
    const { id } = lease.task
    // What was settled during the renewal is not lost.
    if (this.#held.get(id) !== lease) return
    if (lease.request) lease.request.stop(leaseLost())
    // What waits to be sent is not, and has nothing to be kept for.
    else this.#held.delete(id)
  }
}
