import { setImmediate } from 'node:timers/promises'

const LONGEST_MS = 5

/** Breaks long work up, so that what else this process does, such as sending in time, has its turn meanwhile. */
export class Turns {
  #since = performance.now()

  /** To be called between the pieces of the work. */
  async give(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_MS) return
    await setImmediate()
    this.#since = performance.now()
  }
}
