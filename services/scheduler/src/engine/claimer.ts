import type { Db } from '../db/schema.ts'
import { claim, type Room } from './claims.ts'
import type { LaneLimits } from './lanes.ts'
import type { Task } from './task.ts'

export interface ClaimerOptions {
  db: Db
  holder: string
  /** How far ahead things are claimed. */
  horizonMs: number
  leaseMs: number
  /** How many rows to look at, at most. */
  batch: number
  limits: LaneLimits
}

/** So many times of what may be under way for one target, or one account, are claimed ahead of their time at once. */
const SHARE = 8
const SMALLEST_LOOK = 128
/** How often to look past what there is no room for, in ms: that may be much. */
const PAST_EVERY_MS = 100

/** Decides how much to take from the queue, and knows of what something was left. */
export class Claimer {
  readonly #options: ClaimerOptions
  /** Targets and accounts of which not everything was taken. */
  #cut = new Set<string>()
  #limit: number
  #lookedPastAt = Number.NEGATIVE_INFINITY

  constructor(options: ClaimerOptions) {
    this.#options = options
    this.#limit = options.batch
  }

  /** Whether something was left of what this host or account has. */
  wasCut(hostOrAccount: string): boolean {
    return this.#cut.has(hostOrAccount)
  }

  /**
   * @param now the engine's clock, in ms
   * @param most how many tasks can be held
   * @returns the tasks, and whether to look again at once
   */
  async claim(now: number, most: number, room: Room): Promise<{ tasks: Task[]; isMoreToTake: boolean }> {
    const { db, holder, horizonMs, leaseMs, batch, limits } = this.#options
    const limit = Math.min(this.#limit, most)
    const ahead = { aheadPerHost: SHARE * limits.perHost, aheadPerAccount: SHARE * limits.perAccount }
    const { tasks, lookedAt } = await claim(db, {
      holder,
      now: new Date(now),
      until: new Date(now + horizonMs),
      leaseUntil: new Date(now + leaseMs),
      limit,
      room,
      ...ahead,
    })
    const byHost = Map.groupBy(tasks, ({ host }) => host)
    const byAccount = Map.groupBy(tasks, ({ accountId }) => accountId)
    this.#cut = new Set([
      ...cutAmong(byHost, room.byHost, room.perHost, ahead.aheadPerHost),
      ...cutAmong(byAccount, room.byAccount, room.perAccount, ahead.aheadPerAccount),
    ])
    // Where there is more than room for it, looking at much would be looking at the same again and again.
    if (lookedAt > 0) this.#limit = Math.min(Math.max(Math.ceil(1.5 * tasks.length), SMALLEST_LOOK), batch)
    const isMoreToTake = this.#isMoreToTake({ now, taken: tasks.length, lookedAt, limit })
    return { tasks, isMoreToTake }
  }

  #isMoreToTake({ now, taken, lookedAt, limit }: Record<'now' | 'taken' | 'lookedAt' | 'limit', number>): boolean {
    // Others were faster, with some of it.
    if (taken < lookedAt && this.#cut.size === 0) return true
    if (lookedAt < limit) return false
    if (taken === lookedAt) return true
    const isTime = now - this.#lookedPastAt >= PAST_EVERY_MS
    if (isTime) this.#lookedPastAt = now
    return isTime
  }
}

/** Which targets, or which accounts, a claim may have left something of. @param usual the room of those not in `room` */
function cutAmong(taken: Map<string, Task[]>, room: Room['byHost'], usual: number, ahead: number): string[] {
  const full = [...room].filter(([, more]) => more <= 0)
  const used = [...taken].filter(([key, tasks]) => isAll(tasks, room.get(key) ?? usual, ahead))
  return [...full, ...used].map(([key]) => key)
}

/** Whether it is all that may be taken. */
function isAll(tasks: Task[], room: number, ahead: number): boolean {
  const begun = tasks.filter(({ isBegun }) => isBegun).length
  return begun >= room || tasks.length >= room + ahead
}
