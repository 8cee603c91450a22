import type { ServerResponse } from 'node:http'
import { DomainError } from '@platform/http/errors.ts'

/** Lets few requests with a large body in at a time: each is in memory as a whole until it is answered. */
export class LargeBodies {
  #count = 0
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  /**
   * Counts a request until its answer is complete, or its client has gone.
   *
   * @throws DomainError `unavailable` when there are too many
   */
  admit(res: ServerResponse): void {
    if (this.#count >= this.#most) {
      throw new DomainError('unavailable', 'Too many large requests at a time.', {
        headers: { 'Retry-After': '1', Connection: 'close' },
      })
    }
    this.#count++
    res.once('close', () => {
      this.#count--
    })
  }
}
