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
  readonly #waitingByAccount = new Map<string, number>()
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
    add(this.#waitingByAccount, item.accountId, 1)
  }

  leave(item: T): void {
    this.#running--
    add(this.#byHost, item.host, -1)
    add(this.#byAccount, item.accountId, -1)
    this.#advance()
  }

  /** Targets at their limit with enough waiting already: nothing more is to be taken on for them. */
  fullHosts(): string[] {
    return [...this.#waitingByHost.keys()].filter((host) => this.#isHostFull(host))
  }

  /** As `fullHosts`. An account whose jobs only wait for a slow target is not among them: its others can go. */
  fullAccounts(): string[] {
    return [...this.#waitingByAccount.keys()].filter((accountId) => this.#isAccountFull(accountId))
  }

  /** Whether nothing more is to be taken on for this item's target or account. */
  isFull({ host, accountId }: LaneItem): boolean {
    return this.#isHostFull(host) || this.#isAccountFull(accountId)
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

  #isHostFull(host: string): boolean {
    const { perHost } = this.#limits
    return (this.#byHost.get(host) ?? 0) >= perHost && (this.#waitingByHost.get(host) ?? 0) >= this.#enoughFor(host)
  }

  #isAccountFull(accountId: string): boolean {
    const { perAccount } = this.#limits
    return (
      (this.#byAccount.get(accountId) ?? 0) >= perAccount && (this.#waitingByAccount.get(accountId) ?? 0) >= perAccount
    )
  }

  #mayGo({ host, accountId }: LaneItem): boolean {
    const { total, perHost, perAccount } = this.#limits
    return this.#running < total && this.#hasRoomAt(host, perHost) && (this.#byAccount.get(accountId) ?? 0) < perAccount
  }

  #hasRoomAt(host: string, limit: number): boolean {
    const running = this.#byHost.get(host) ?? 0
    return running < limit || running < limit + this.#moreFor(host)
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
    add(this.#waitingByAccount, item.accountId, -1)
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
