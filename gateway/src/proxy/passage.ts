import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

/** What goes to a service. */
export interface Outgoing {
  /** Path with query. */
  url: string
  headers: IncomingHttpHeaders
  /** A body that was collected; it is streamed from the client when absent. */
  body?: Buffer
  /** What the gateway adds to the answer: names and values in turn. */
  answerHeaders: string[]
}

/** The service could not be asked, or did not answer. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly isSlow: boolean

  constructor(message: string, { isSlow = false, cause }: { isSlow?: boolean; cause?: unknown } = {}) {
    super(message, { cause })
    this.isSlow = isSlow
  }
}

/** One request on its way to a service, and its answer on the way back. */
export class Passage {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly outgoing: Outgoing
  /** When the answer has begun, or the client has gone; fails with an `UpstreamFailure`. */
  readonly begun: Promise<void>
  /** Ends what the service was asked; set by who asks. An object, since a closure outlives its request by far. */
  asked: { abort(reason: Error): void } | undefined
  readonly #timer: NodeJS.Timeout
  readonly #onLate: (passage: Passage) => void
  #resolve!: () => void
  #reject!: (error: UpstreamFailure) => void
  #isAnswered = false
  #isOver = false

  /**
   * @param timeoutMs until the answer begins, and again until it is complete
   * @param onLate told when that has passed
   */
  constructor(
    [req, res]: [IncomingMessage, ServerResponse],
    outgoing: Outgoing,
    timeoutMs: number,
    onLate: (passage: Passage) => void,
  ) {
    this.req = req
    this.res = res
    this.outgoing = outgoing
    this.#onLate = onLate
    this.begun = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(() => this.#late(), timeoutMs)
    res.once('close', () => this.#close())
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** To be called when the answer's head is there. */
  answered(): void {
    this.#isAnswered = true
    this.#timer.refresh()
    this.#resolve()
  }

  /** To be called when there will be no answer, or not the rest of it. */
  failed(cause: Error): void {
    if (this.#isOver) return
    if (this.#isAnswered) return void this.res.destroy()
    this.#end(new UpstreamFailure('No connection.', { cause }))
  }

  /** Ends what the service was asked: nobody waits for it. */
  abandon(): void {
    this.asked?.abort(new Error('Nobody waits for it any more.'))
  }

  #late(): void {
    this.#onLate(this)
    if (this.#isAnswered) return void this.res.destroy()
    this.#end(new UpstreamFailure('No answer in time.', { isSlow: true }))
    this.abandon()
  }

  #end(failure: UpstreamFailure): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#reject(failure)
  }

  /** The client has its answer, or has gone. */
  #close(): void {
    clearTimeout(this.#timer)
    if (!this.#isOver) {
      this.#isOver = true
      this.#resolve()
      if (!this.res.writableFinished) this.abandon()
    }
    this.asked = undefined
  }
}
