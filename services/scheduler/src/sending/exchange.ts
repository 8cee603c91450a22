import type { IncomingHttpHeaders } from 'node:http'
import { type Dispatcher, errors } from 'undici'
import type { SendResult, Sent } from './answer.ts'
import { TargetRefused } from './target-guard.ts'

export interface ExchangeOptions {
  /** For the whole of a request, from its first byte to the answer's last one. */
  timeoutMs: number
  /** How much of an answer's body is kept, and read. */
  keptBodyBytes: number
  /** The engine's clock, in ms. */
  now: () => number
}

/** Where a connection goes. */
export interface Peer {
  /** Of the newest socket; null as long as there is none. */
  address: string | null
}

const MAX_ERROR_LENGTH = 500

/** One request under way, bounded in time and in what is read of its answer. It ends once, however it ends. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Never rejects: what goes wrong is part of the result. */
  readonly sent: Promise<Sent>
  readonly #resolve: (sent: Sent) => void
  readonly #options: ExchangeOptions
  readonly #sentAt: Date
  readonly #late: NodeJS.Timeout
  readonly #pieces: Buffer[] = []
  #size = 0
  #controller: Dispatcher.DispatchController | undefined
  #peer: Peer | undefined
  #address: string | null = null
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #firstByteAt: Date | null = null
  #isOver = false

  constructor(options: ExchangeOptions) {
    const { promise, resolve } = Promise.withResolvers<Sent>()
    this.sent = promise
    this.#resolve = resolve
    this.#options = options
    this.#sentAt = new Date(options.now())
    this.#late = setTimeout(expire, options.timeoutMs, this)
  }

  /** Ends it from outside: nobody knows how it would have gone. */
  stop(reason: Error): void {
    this.#breakOff({ kind: 'unknown', error: messageOf(reason) })
  }

  /** Ends it when its time is over. */
  expire(): void {
    this.#breakOff({ kind: 'failed', error: `no complete answer within ${this.#options.timeoutMs} ms` })
  }

  /** @param peer of the connection that it will be sent on, once that stands */
  goBy(peer: Peer): void {
    this.#peer = peer
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#address = this.#peer?.address ?? null
    // It may have ended while it waited for a connection; nothing has been written yet.
    if (this.#isOver) controller.abort(new Error('It is over.'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // What comes before the answer itself (1xx) is of no interest.
    if (status < 200) return
    this.#firstByteAt = new Date(this.#options.now())
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#isOver) return
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size > this.#options.keptBodyBytes) this.#breakOff(this.#answer(true))
  }

  onResponseEnd(): void {
    this.#end(this.#answer(false))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end({ kind: isRefusal(error) ? 'refused' : 'failed', error: messageOf(error) })
  }

  #answer(isTruncated: boolean): SendResult {
    const [first, ...more] = this.#pieces
    const body = first && more.length === 0 ? first : Buffer.concat(this.#pieces)
    const headers: Record<string, string | string[]> = {}
    for (const [name, value] of Object.entries(this.#headers)) if (value !== undefined) headers[name] = value
    const kept = body.subarray(0, this.#options.keptBodyBytes)
    return { kind: 'answer', statusCode: this.#status, headers, body: kept, isTruncated }
  }

  /** Ends it, and the connection with it. */
  #breakOff(result: SendResult): void {
    if (this.#isOver) return
    this.#end(result)
    this.#controller?.abort(new Error('It is over.'))
  }

  #end(result: SendResult): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#late)
    this.#resolve({
      sentAt: this.#sentAt,
      firstByteAt: this.#firstByteAt,
      endedAt: new Date(this.#options.now()),
      address: this.#address,
      result,
    })
  }
}

const expire = (exchange: Exchange) => exchange.expire()

function isRefusal(error: unknown): boolean {
  return error instanceof TargetRefused || (error instanceof Error && error.cause instanceof TargetRefused)
}

/** Says what happened, in a line without anything that the database could not take. */
export function messageOf(error: unknown): string {
  const text = !(error instanceof Error)
    ? String(error)
    : error instanceof AggregateError
      ? error.errors.map(messageOf).join('; ')
      : error instanceof errors.UndiciError
        ? `${error.message} (${error.code})`
        : error.message || error.name
  return text.replaceAll(/[\0\r\n]+/g, ' ').slice(0, MAX_ERROR_LENGTH)
}
