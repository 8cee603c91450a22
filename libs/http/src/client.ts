import { randomUUID } from 'node:crypto'
import type { Logger } from '@platform/log/logger.ts'
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel'
import { Agent } from 'undici'
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
      return await this.#breaker.execute(() => this.#request(path, origin))
    } catch (error) {
      const { service, log } = this.#options
      log.warn('another service did not answer', { asked: service, error })
      throw new DomainError('unavailable', `The ${service} service is not available at the moment.`, {
        headers: { 'Retry-After': '1' },
        cause: error,
      })
    }
  }

  async #request(path: string, origin: Origin): Promise<unknown> {
    const late = new AbortController()
    // Not AbortSignal.timeout(): it would keep each request in memory until its time is over, long after its answer.
    const timer = setTimeout(() => late.abort(), this.#options.timeoutMs)
    try {
      return await this.#ask(path, origin, late.signal)
    } finally {
      clearTimeout(timer)
    }
  }

  async #ask(path: string, { requestId = randomUUID(), traceparent }: Origin, signal: AbortSignal): Promise<unknown> {
    const { baseUrl, assertions } = this.#options
    const assertion = assertions.sign(INTERNAL_CALLER, { method: 'GET', path, requestId }, 'internal')
    const { statusCode, body } = await this.#agent.request({
      origin: baseUrl,
      path,
      method: 'GET',
      headers: {
        [ASSERTION_HEADER]: assertion,
        'x-request-id': requestId,
        traceparent: continueTrace(traceparent),
      },
      signal,
    })
    if (statusCode === 404) {
      await body.dump()
      return undefined
    }
    if (statusCode !== 200) {
      await body.dump()
      throw new Error(`${path} answered ${statusCode}.`)
    }
    return body.json()
  }

  get isOpen(): boolean {
    return this.#breaker.state === CircuitState.Open
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}
