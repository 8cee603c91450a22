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

// Longer ones overflow in setTimeout.
const LONGEST_WAIT_MS = 3_600_000

/** Real time: the process's monotonic clock, which no adjustment moves, set by the database's. */
export class DatabaseTime implements Time {
  #offset = Date.now() - performance.now()

  now(): number {
    return performance.now() + this.#offset
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
   * Sets the clock by the database's, give or take half of the time that the question takes.
   *
   * @param ask gives the database's time, in ms
   */
  async adjust(ask: () => Promise<number>): Promise<void> {
    const before = performance.now()
    const answer = await ask()
    const after = performance.now()
    this.#offset = answer - (before + after) / 2
  }
}
