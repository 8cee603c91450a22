import { isRetryable } from '@platform/db/database.ts'
import { Bell } from '@platform/events/waiting.ts'
import type { Logger } from '@platform/log/logger.ts'

export interface BackgroundWorkOptions {
  /** For the log, such as `deletions`. */
  name: string
  log: Logger
  /** Does a small piece, complete in itself. @returns false when there was nothing to do */
  work: () => Promise<boolean>
  /** Called after each piece that was done: it may have published something. */
  onDone?: () => void
  /** How often to look without being woken, default 1,000. */
  pollMs?: number
}

/** Work that goes on beside requests and events, piece by piece, for as long as the process runs. */
export class BackgroundWork {
  readonly #options: BackgroundWorkOptions
  readonly #stopping = new AbortController()
  readonly #bell = new Bell()
  readonly #running: Promise<void>

  constructor(options: BackgroundWorkOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** There is work: don't wait for the next look. */
  wake(): void {
    this.#bell.ring()
  }

  /** Finishes the piece at hand. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { pollMs = 1_000 } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      if (!(await this.#workOnce())) await this.#bell.wait(pollMs, signal)
    }
  }

  /** @returns whether to go on at once */
  async #workOnce(): Promise<boolean> {
    const { name, log, work, onDone } = this.#options
    try {
      if (!(await work())) return false
      onDone?.()
      return true
    } catch (error) {
      // The transaction that won a deadlock has finished by then.
      if (isRetryable(error)) return true
      log.warn('background work could not go on', { work: name, error })
      return false
    }
  }
}
