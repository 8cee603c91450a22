/**
 * Resolves after `ms`, or at once when the signal is aborted.
 *
 * @param onStart is given what ends the pause early
 */
export function pause(ms: number, signal: AbortSignal, onStart?: (wake: () => void) => void): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener('abort', wake, { once: true })
    onStart?.(wake)
  })
}

/** Milliseconds before the next try, twice as long each time; a quarter is chance, so that many do not come at once. */
export function backOffMs(failures: number, { firstMs = 100, maxMs = 5_000 } = {}): number {
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 20), maxMs) * (0.75 + Math.random() / 4)
}

/** A loop's bell: a ring that comes while nobody waits is not lost. */
export class Bell {
  #rang = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  /** Resolves with the next ring, after `ms`, or when the signal is aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rang) await pause(ms, signal, (wake) => (this.#wake = wake))
    this.#wake = undefined
    this.#rang = false
  }
}

/** Lets at most `size` pieces of work go on at once; the others wait for their turn. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(size: number) {
    this.#free = size
  }

  async run<R>(work: () => Promise<R>): Promise<R> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}
