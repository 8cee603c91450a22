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
  /** Limits the time without progress, not the time of the whole: the body or the answer may be large. */
  hasIdleLimit?: boolean
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

/** How often progress is checked in the time that it may be missing. */
const IDLE_CHECKS = 4

/** One request on its way to a service, and its answer on the way back. */
export class Passage {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly outgoing: Outgoing
  /** When the answer has begun, or the client has gone; fails with an `UpstreamFailure`. */
  readonly begun: Promise<void>
  /** Ends what the service was asked; set by who asks. An object, since a closure outlives its request by far. */
  asked: { abort(reason: Error): void } | undefined
  /** Resolves when the service has accepted a connection for a streamed body. Only with `hasIdleLimit`. */
  readonly connected: Promise<void> | undefined
  readonly #timer: NodeJS.Timeout
  readonly #onLate: (passage: Passage) => void
  #resolve!: () => void
  #reject!: (error: UpstreamFailure) => void
  #connect: (() => void) | undefined
  #isAnswered = false
  #idleChecks = 0
  #isOver = false

  /**
   * @param timeoutMs until the answer begins, and again until it is complete; with `hasIdleLimit`, without progress
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
    if (outgoing.hasIdleLimit) {
      this.connected = new Promise((resolve) => {
        this.#connect = resolve
      })
      this.#timer = this.#watchProgress(timeoutMs)
    } else {
      this.#timer = setTimeout(() => this.#late(), timeoutMs)
    }
    res.once('close', () => this.#close())
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** To be called when there is a connection to the service. */
  connectedToService(): void {
    this.#connect?.()
  }

  /** To be called when the answer's head is there. */
  answered(): void {
    this.#isAnswered = true
    this.#idleChecks = 0
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

  /**
   * Counts bytes on the client's socket. Both directions end there, and back-pressure stops it when the service stalls.
   * Two counters that are read a few times cost less than a listener for each chunk.
   */
  #watchProgress(timeoutMs: number): NodeJS.Timeout {
    const { socket } = this.req
    let before = -1
    return setInterval(() => {
      // The bytes that follow a complete body belong to the client's next request.
      const now = socket.bytesWritten + (this.req.complete ? 0 : socket.bytesRead)
      this.#idleChecks = now === before ? this.#idleChecks + 1 : 0
      before = now
      if (this.#idleChecks >= IDLE_CHECKS) this.#late()
    }, timeoutMs / IDLE_CHECKS)
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
    // Clients that read an answer only after they have sent the whole body would not see an early one.
    if (!this.req.complete) this.req.unpipe().resume()
    this.asked = undefined
  }
}
