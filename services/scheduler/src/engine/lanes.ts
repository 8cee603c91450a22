import type { Room } from './claims.ts'

/** What is limited: how many requests are under way, in all and for each target and account. */
export interface LaneLimits {
  total: number
  perHost: number
  perAccount: number
}

/** Something that wants to be under way. */
export interface LaneItem {
  host: string
  accountId: string
}

/** So many times of what goes ahead of its turn to a fast target is kept waiting for it. */
const STOCK = 4

interface Lane<T> {
  host: string
  accountId: string
  waiting: T[]
}

/**
 * Lets things go as far as their limits allow. Those of one target and account wait in a lane of their own and go in
 * order; the lanes take turns, so that a slow target, or an account with much to do, holds up nobody else.
 */
export class Lanes<T extends LaneItem> {
  readonly #limits: LaneLimits
  readonly #start: (item: T) => void
  readonly #moreFor: (host: string) => number
  readonly #lanes = new Map<string, Lane<T>>()
  readonly #byHost = new Map<string, number>()
  readonly #byAccount = new Map<string, number>()
  readonly #waitingByHost = new Map<string, number>()
  #running = 0
  #waiting = 0

  /**
   * @param start is called when an item may go; `leave` has to follow when it is done
   * @param moreFor how many more than its limit may go for a target, since it is fast
   */
  constructor(limits: LaneLimits, start: (item: T) => void, moreFor: (host: string) => number = () => 0) {
    this.#limits = limits
    this.#start = start
    this.#moreFor = moreFor
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  enter(item: T): void {
    const key = `${item.accountId} ${item.host}`
    const lane = this.#lanes.get(key)
    if (!lane && this.#mayGo(item)) {
      this.#go(item)
      return
    }
    if (lane) lane.waiting.push(item)
    else this.#lanes.set(key, { host: item.host, accountId: item.accountId, waiting: [item] })
    this.#waiting++
    add(this.#waitingByHost, item.host, 1)
  }

  leave(item: T): void {
    this.#running--
    add(this.#byHost, item.host, -1)
    add(this.#byAccount, item.accountId, -1)
    this.#advance()
  }

  /** How much more may be under way of what comes now: what waits here comes first. */
  room(): Room {
    const { total, perHost, perAccount } = this.#limits
    const byHost = new Map([...this.#byHost.keys()].map((host) => [host, this.#roomAt(host)]))
    const byAccount = new Map([...this.#byAccount].map(([accountId, running]) => [accountId, perAccount - running]))
    for (const { host, accountId, waiting } of this.#lanes.values()) {
      const ofAccount = byAccount.get(accountId) ?? perAccount
      // What waits for its account takes nothing from the others that want to go to the same target.
      if (ofAccount > 0) byHost.set(host, (byHost.get(host) ?? this.#roomAt(host)) - waiting.length)
      else byAccount.set(accountId, ofAccount - waiting.length)
    }
    return { total: total - this.#running, perHost, perAccount, byHost, byAccount }
  }

  /**
   * Whether it is worth while to take on more for an item's target or account. For a fast target that is when a good
   * part of what it gets ahead has gone: each time that one is done would be too often.
   */
  hasRoomAgain({ host, accountId }: LaneItem): boolean {
    const free = this.#roomAt(host) - (this.#waitingByHost.get(host) ?? 0)
    const isAccountFull = (this.#byAccount.get(accountId) ?? 0) >= this.#limits.perAccount
    return !isAccountFull && free >= Math.max(this.#moreFor(host) / 2, 1)
  }

  /** Takes out everything that waits. */
  clear(): T[] {
    return this.#takeOut(() => 0)
  }

  /** Takes out what waits for a target beyond what would be taken on for it. */
  trim(): T[] {
    return this.#takeOut(({ host }) => this.#enoughFor(host))
  }

  #takeOut(keep: (lane: Lane<T>) => number): T[] {
    const out: T[] = []
    for (const [key, lane] of this.#lanes) {
      for (const item of lane.waiting.splice(keep(lane))) {
        out.push(item)
        this.#stopWaiting(item)
      }
      if (lane.waiting.length === 0) this.#lanes.delete(key)
    }
    return out
  }

  /** How many to have waiting for a target: what a fast one will have had before more can be claimed. */
  #enoughFor(host: string): number {
    return this.#limits.perHost + STOCK * this.#moreFor(host)
  }

  #roomAt(host: string): number {
    return this.#limits.perHost + this.#moreFor(host) - (this.#byHost.get(host) ?? 0)
  }

  #mayGo({ host, accountId }: LaneItem): boolean {
    const { total, perAccount } = this.#limits
    return this.#running < total && this.#roomAt(host) > 0 && (this.#byAccount.get(accountId) ?? 0) < perAccount
  }

  #go(item: T): void {
    this.#running++
    add(this.#byHost, item.host, 1)
    add(this.#byAccount, item.accountId, 1)
    this.#start(item)
  }

  /** Lets go what may: more than one where a target may have more than before. */
  #advance(): void {
    while (this.#advanceOne()) {}
  }

  #advanceOne(): boolean {
    for (const [key, lane] of this.#lanes) {
      if (this.#running >= this.#limits.total) return false
      if (!this.#mayGo(lane)) continue
      const item = lane.waiting.shift()
      // The lane goes to the end of the line.
      this.#lanes.delete(key)
      if (lane.waiting.length > 0) this.#lanes.set(key, lane)
      if (item === undefined) continue
      this.#stopWaiting(item)
      this.#go(item)
      return true
    }
    return false
  }

  #stopWaiting(item: T): void {
    this.#waiting--
    add(this.#waitingByHost, item.host, -1)
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
