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
  readonly #lanes = new Map<string, Lane<T>>()
  readonly #byHost = new Map<string, number>()
  readonly #byAccount = new Map<string, number>()
  readonly #waitingByHost = new Map<string, number>()
  readonly #waitingByAccount = new Map<string, number>()
  #running = 0
  #waiting = 0

  /** @param start is called when an item may go; `leave` has to follow when it is done */
  constructor(limits: LaneLimits, start: (item: T) => void) {
    this.#limits = limits
    this.#start = start
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  /** How many are under way to each target. */
  runningByHost(): ReadonlyMap<string, number> {
    return this.#byHost
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

  /** Targets at their limit with as many waiting already: nothing more is to be taken on for them. */
  fullHosts(): string[] {
    return over(this.#waitingByHost, this.#byHost, this.#limits.perHost)
  }

  /** As `fullHosts`. An account whose jobs only wait for a slow target is not among them: its others can go. */
  fullAccounts(): string[] {
    return over(this.#waitingByAccount, this.#byAccount, this.#limits.perAccount)
  }

  /** Whether nothing more is to be taken on for this item's target or account. */
  isFull({ host, accountId }: LaneItem): boolean {
    const { perHost, perAccount } = this.#limits
    return (
      isOver(host, this.#waitingByHost, this.#byHost, perHost) ||
      isOver(accountId, this.#waitingByAccount, this.#byAccount, perAccount)
    )
  }

  /** Takes out everything that waits. */
  clear(): T[] {
    return this.#takeOut(() => 0)
  }

  /** Takes out what waits for a target beyond what would be taken on for it. */
  trim(): T[] {
    return this.#takeOut(() => this.#limits.perHost)
  }

  #takeOut(keep: () => number): T[] {
    const out: T[] = []
    for (const [key, lane] of this.#lanes) {
      for (const item of lane.waiting.splice(keep())) {
        out.push(item)
        this.#stopWaiting(item)
      }
      if (lane.waiting.length === 0) this.#lanes.delete(key)
    }
    return out
  }

  #mayGo({ host, accountId }: LaneItem): boolean {
    const { total, perHost, perAccount } = this.#limits
    return (
      this.#running < total &&
      (this.#byHost.get(host) ?? 0) < perHost &&
      (this.#byAccount.get(accountId) ?? 0) < perAccount
    )
  }

  #go(item: T): void {
    this.#running++
    add(this.#byHost, item.host, 1)
    add(this.#byAccount, item.accountId, 1)
    this.#start(item)
  }

  #advance(): void {
    for (const [key, lane] of this.#lanes) {
      if (this.#running >= this.#limits.total) return
      if (!this.#mayGo(lane)) continue
      const item = lane.waiting.shift()
      // The lane goes to the end of the line.
      this.#lanes.delete(key)
      if (lane.waiting.length > 0) this.#lanes.set(key, lane)
      if (item === undefined) continue
      this.#stopWaiting(item)
      this.#go(item)
      return
    }
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

function over(waiting: Map<string, number>, running: Map<string, number>, limit: number): string[] {
  return [...waiting.keys()].filter((key) => isOver(key, waiting, running, limit))
}

function isOver(key: string, waiting: Map<string, number>, running: Map<string, number>, limit: number): boolean {
  return (waiting.get(key) ?? 0) >= limit && (running.get(key) ?? 0) >= limit
}
