/** As many requests as will have gone out in this time are begun before there is room for them. */
const AHEAD_MS = 20
/** How much the newest request counts for a target's usual time. */
const NEWEST = 0.1
/** But no more than so many times of what may be under way. */
const MOST_AHEAD = 4
const MAX_KNOWN = 10_000

/**
 * Bounds the requests under way to each target, in order of arrival. To a target that answers fast, some more are begun
 * already, since writing that down takes as long as the request itself; to a slow one none are: whoever has begun cannot
 * be changed any more, and should go at once.
 */
export class Gate {
  readonly #perHost: number
  readonly #running = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()
  /** Of the newest requests, in ms. */
  readonly #usual = new Map<string, number>()

  constructor(perHost: number) {
    this.#perHost = perHost
  }

  /** How many are under way to each target. */
  runningByHost(): ReadonlyMap<string, number> {
    return this.#running
  }

  /** How many may wait here for a target, having begun. */
  aheadFor(host: string): number {
    const usual = this.#usual.get(host)
    return usual === undefined
      ? 0
      : Math.min(MOST_AHEAD * this.#perHost, Math.floor((this.#perHost * AHEAD_MS) / Math.max(usual, 1)))
  }

  /** Waits for room; runs `send`; makes room. */
  async pass<T>(host: string, send: () => Promise<T> | T): Promise<T> {
    await this.#enter(host)
    const begunAt = performance.now()
    try {
      return await send()
    } finally {
      this.#note(host, performance.now() - begunAt)
      this.#leave(host)
    }
  }

  #enter(host: string): Promise<void> | undefined {
    const running = this.#running.get(host) ?? 0
    if (running < this.#perHost) {
      this.#running.set(host, running + 1)
      return undefined
    }
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(host)
      if (waiting) waiting.push(resolve)
      else this.#waiting.set(host, [resolve])
    })
  }

  #leave(host: string): void {
    const waiting = this.#waiting.get(host)
    const next = waiting?.shift()
    if (waiting?.length === 0) this.#waiting.delete(host)
    // Its place passes to the next one.
    if (next) {
      next()
      return
    }
    const running = (this.#running.get(host) ?? 1) - 1
    if (running === 0) this.#running.delete(host)
    else this.#running.set(host, running)
  }

  #note(host: string, ms: number): void {
    if (this.#usual.size >= MAX_KNOWN) this.#usual.clear()
    const usual = this.#usual.get(host) ?? ms
    // A target that turns slow is believed at once.
    this.#usual.set(host, ms > 10 * usual ? ms : usual + NEWEST * (ms - usual))
  }
}
