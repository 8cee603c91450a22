import { randomUUID } from 'node:crypto'
import type { Logger } from '@platform/log/logger.ts'
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel'
import { Agent, type Dispatcher } from 'undici'
import { ASSERTION_HEADER, type Assertions, type Caller } from './assertion.ts'
import { DomainError } from './errors.ts'
import { continueTrace } from './trace.ts'

export interface ServiceClientOptions {
  /** Of the service that is asked, such as `groups`. */
  service: string
  baseUrl: string
  assertions: Assertions
  log: Logger
  /** For the whole of one request, default 2,000. */
  timeoutMs?: number
}

/** The question's origin, so that the trace goes on and the logs can be joined. */
export interface Origin {
  requestId?: string
  traceparent?: string
}

const INTERNAL_CALLER: Caller = { userId: '00000000-0000-0000-0000-000000000000', roles: ['service'] }
const MAX_ANSWER_BYTES = 4_194_304

/**
 * Asks another service over its internal routes, with a time-out and a circuit breaker. There is one way in which it
 * fails: `unavailable`.
 */
export class ServiceClient {
  readonly #options: Required<ServiceClientOptions>
  readonly #agent: Agent
  readonly #breaker = circuitBreaker(handleAll, { halfOpenAfter: 2_000, breaker: new ConsecutiveBreaker(5) })

  constructor(options: ServiceClientOptions) {
    this.#options = { timeoutMs: 2_000, ...options }
    this.#agent = new Agent({ connections: 32, keepAliveTimeout: 10_000, maxResponseSize: MAX_ANSWER_BYTES })
  }

  /**
   * @param path of an internal route, such as `/internal/groups/ID`
   * @returns the answer's JSON, or undefined where the other service says 404
   * @throws DomainError `unavailable`
   */
  async get(path: string, origin: Origin = {}): Promise<unknown> {
    try {
      return await this.#breaker.execute(() => this.#askTwice(path, origin))
    } catch (error) {
      const { service, log } = this.#options
      log.warn('another service did not answer', { asked: service, error })
      throw new DomainError('unavailable', `The ${service} service is not available at the moment.`, {
        headers: { 'Retry-After': '1' },
        cause: error,
      })
    }
  }

  /** Once more over a new connection, when the one that it went over was closed at that moment: its service restarts. */
  async #askTwice(path: string, origin: Origin): Promise<unknown> {
    try {
      return await this.#ask(path, origin)
    } catch (error) {
      if (!isReset(error)) throw error
      return await this.#ask(path, origin)
    }
  }

  async #ask(path: string, { requestId = randomUUID(), traceparent }: Origin): Promise<unknown> {
    const { baseUrl, assertions, timeoutMs } = this.#options
    const assertion = assertions.sign(INTERNAL_CALLER, { method: 'GET', path, requestId }, 'internal')
    const question = new Question(timeoutMs)
    const headers = {
      [ASSERTION_HEADER]: assertion,
      'x-request-id': requestId,
      traceparent: continueTrace(traceparent),
    }
    this.#agent.dispatch({ origin: baseUrl, path, method: 'GET', headers }, question)
    const { status, body } = await question.answered
    if (status === 404) return undefined
    if (status !== 200) throw new Error(`${path} answered ${status}.`)
    return JSON.parse(body.toString())
  }

  get isOpen(): boolean {
    return this.#breaker.state === CircuitState.Open
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

const RESET_CODES = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** True when a connection ended under a request. */
export const isReset = (error: unknown): boolean => RESET_CODES.has((error as { code?: string } | null)?.code ?? '')

interface Answer {
  status: number
  body: Buffer
}

/**
 * One question under way, bounded in time. It hears of its answer from undici itself: `request()` makes a stream and a
 * signal of each, which live long enough to be taken for old, and fill the memory until a full garbage collection.
 */
class Question implements Dispatcher.DispatchHandler {
  readonly answered: Promise<Answer>
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: Error) => void
  readonly #late: NodeJS.Timeout
  readonly #pieces: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #isOver = false

  constructor(timeoutMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    this.answered = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#late = setTimeout(giveUp, timeoutMs, this)
  }

  /** Ends it when its time is over. */
  giveUp(): void {
    this.#end()
    const error = new Error('The answer took too long.')
    this.#reject(error)
    this.#controller?.abort(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('It is over.'))
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#pieces.push(piece)
  }

  onResponseEnd(): void {
    this.#end()
    this.#resolve({ status: this.#status, body: Buffer.concat(this.#pieces) })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#isOver = true
    clearTimeout(this.#late)
  }
}

const giveUp = (question: Question) => question.giveUp()
