import { setTimeout as pause } from 'node:timers/promises'

/** One thing that waits for its batch. */
interface Waiting<In, Out> {
  item: In
  resolve: (result: Out) => void
  reject: (error: unknown) => void
}

/**
 * Does many small writes in few large ones: what comes while a batch is under way, and for a moment after it, goes into
 * the next one. So nothing waits when there is little to do, and batches grow by themselves when there is much.
 */
export class Batcher<In, Out> {
  readonly #write: (items: In[]) => Promise<Out[]>
  readonly #maxSize: number
  readonly #gatherMs: number
  #waiting: Waiting<In, Out>[] = []
  #isWriting = false

  /**
   * @param write gives a result for each item, in their order; when it rejects, so does every item of the batch
   * @param gatherMs from the begin of a batch that is not full to the next one
   */
  constructor(write: (items: In[]) => Promise<Out[]>, maxSize: number, gatherMs = 0) {
    this.#write = write
    this.#maxSize = maxSize
    this.#gatherMs = gatherMs
  }

  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#isWriting) return
      this.#isWriting = true
      // What comes in the same turn of the event loop shares the first batch.
      setImmediate(() => void this.#drain())
    })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const begunAt = performance.now()
      const batch = this.#waiting.slice(0, this.#maxSize)
      this.#waiting = this.#waiting.slice(this.#maxSize)
      try {
        const results = await this.#write(batch.map(({ item }) => item))
        batch.forEach(({ resolve }, i) => {
          resolve(results[i] as Out)
        })
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      const more = begunAt + this.#gatherMs - performance.now()
      if (more > 0 && this.#waiting.length < this.#maxSize) await pause(more)
    }
    this.#isWriting = false
  }
}
