import type { IncomingHttpHeaders } from 'node:http'
import { isReset } from '@platform/http/client.ts'
import { type Dispatcher, Pool } from 'undici'
import { writeAnswerHead } from './answer.ts'
import type { Passage } from './passage.ts'

/** Larger answers are passed on piece by piece. */
const SMALL = 65_536
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])
const MAX_CONNECTIONS = 256
const MAX_TRANSFERS = 1_024

/**
 * Passes on requests without a body, or with one that is there as a whole: nearly all that there are. undici costs half
 * of what Node's own client does, on which http-proxy-middleware is built.
 */
export class Direct {
  readonly #pool: Pool
  readonly #afresh: Pool
  /** Downloads to slow clients hold their connections for long; other requests must not wait for one of these. */
  readonly #transfers: Pool

  /** @param url `http://HOST:PORT` */
  constructor(url: string) {
    // How long things may take is the passage's affair.
    const common = { connections: MAX_CONNECTIONS, headersTimeout: 0, bodyTimeout: 0, allowH2: false }
    this.#pool = new Pool(url, common)
    this.#afresh = new Pool(url, { ...common, pipelining: 0 })
    this.#transfers = new Pool(url, { ...common, connections: MAX_TRANSFERS })
  }

  send(passage: Passage): void {
    const { req, outgoing } = passage
    // undici knows the length of what it sends.
    delete outgoing.headers['content-length']
    const method = req.method ?? ''
    const request = { path: outgoing.url, method, headers: outgoing.headers, body: outgoing.body ?? null }
    // A connection that was kept alive may be closed by the service at the very moment when it is used again: a service
    // that restarts does so. What may be repeated is asked once more, on a new one.
    const repeat =
      REPEATABLE.has(method) && !outgoing.body
        ? () => void this.#afresh.dispatch(request, new Answer(passage, undefined))
        : undefined
    const pool = outgoing.hasIdleLimit ? this.#transfers : this.#pool
    pool.dispatch(request, new Answer(passage, repeat))
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool, this.#afresh, this.#transfers].map((pool) => pool.destroy()))
  }
}

/** The answer of a service on its way to the client. */
class Answer implements Dispatcher.DispatchHandler {
  readonly #passage: Passage
  readonly #repeat: (() => void) | undefined
  /** The pieces of a small answer: it goes out in one write with its head, a good part of what a request costs. */
  #pieces: Buffer[] | undefined

  constructor(passage: Passage, repeat: (() => void) | undefined) {
    this.#passage = passage
    this.#repeat = repeat
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#passage.asked = controller
    if (this.#passage.res.destroyed) this.#passage.abandon()
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // What comes before the answer itself (1xx) is between the service and the gateway.
    if (status < 200) return
    const { res, outgoing } = this.#passage
    this.#passage.answered()
    writeAnswerHead(res, { status, headers }, outgoing.answerHeaders)
    if (Number(headers['content-length'] ?? SMALL + 1) <= SMALL) this.#pieces = []
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#pieces) return void this.#pieces.push(piece)
    const { res } = this.#passage
    if (res.write(piece)) return
    controller.pause()
    res.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    const { res } = this.#passage
    const [first, ...more] = this.#pieces ?? []
    if (!first) return void res.end()
    const body = more.length === 0 ? first : Buffer.concat([first, ...more])
    // As text of single bytes it is joined to the head; as a buffer it would be a second piece of memory to be written.
    res.end(body.toString('latin1'), 'latin1')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { res, isAnswered } = this.#passage
    const mayRepeat = !isAnswered && !res.destroyed && isReset(error)
    if (mayRepeat && this.#repeat) this.#repeat()
    else this.#passage.failed(error)
  }
}
