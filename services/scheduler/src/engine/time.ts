/** The engine's sense of time: when it is, and to be told when an instant has come. */
export interface Time {
  /** The database's time, in ms since 1970, with fractions: due times and leases of all engines are on one clock. */
  now(): number
  /**
   * Calls `ring` once, as soon as it is `instant`; at once when that has passed.
   *
   * @returns what calls it off
   */
  alarm(instant: number, ring: () => void): () => void
}

/** How often the database is asked when the clock is set. */
const ASKS = 5
/** An answer that takes longer, in ms, may be half of that wrong: it does not replace a better one that is not old. */
const SLOW_MS = 100
/** The process's clock and the database's go apart by some ms in this time. */
const OLD_MS = 600_000

/** What the database has said about the time. */
interface Reading {
  /** From the process's clock to the database's, in ms. */
  offset: number
  /** How long the answer took, in ms: the offset is wrong by half of it at most. */
  tookMs: number
  /** By the process's clock. */
  at: number
}

// Longer ones overflow in setTimeout.
const LONGEST_WAIT_MS = 3_600_000

/** Real time: the process's monotonic clock, which no adjustment moves, set by the database's. */
export class DatabaseTime implements Time {
  readonly #own: () => number
  #reading: Reading

  /** @param own the process's monotonic clock, in ms */
  constructor(own = () => performance.now()) {
    this.#own = own
    this.#reading = { offset: Date.now() - own(), tookMs: Number.POSITIVE_INFINITY, at: own() }
  }

  now(): number {
    return this.#own() + this.#reading.offset
  }

  alarm(instant: number, ring: () => void): () => void {
    let timer: NodeJS.Timeout
    const wait = () => {
      const left = instant - this.now()
      if (left <= 0) return ring()
      timer = setTimeout(wait, Math.min(Math.ceil(left), LONGEST_WAIT_MS))
    }
    timer = setTimeout(wait, Math.max(0, Math.min(Math.ceil(instant - this.now()), LONGEST_WAIT_MS)))
    return () => clearTimeout(timer)
  }

  /**
   * Sets the clock by the database's. Of some answers the one counts that was there soonest.
   *
   * @param ask gives the database's time, in ms; on a connection that it need not wait for
   */
  async adjust(ask: () => Promise<number>): Promise<void> {
    let best = await this.#read(ask)
    for (let i = 1; i < ASKS; i++) {
      const reading = await this.#read(ask)
      if (reading.tookMs < best.tookMs) best = reading
    }
    const isOld = best.at - this.#reading.at > OLD_MS
    if (best.tookMs <= SLOW_MS || best.tookMs <= this.#reading.tookMs || isOld) this.#reading = best
  }

  async #read(ask: () => Promise<number>): Promise<Reading> {
    const before = this.#own()
    const answer = await ask()
    const at = this.#own()
    return { offset: answer - (before + at) / 2, tookMs: at - before, at }
  }
}
