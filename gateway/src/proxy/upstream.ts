import type { IncomingMessage, ServerResponse } from 'node:http'
import { DomainError } from '@platform/http/errors.ts'
import type { Logger } from '@platform/log/logger.ts'
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleType } from 'cockatiel'
import { Direct } from './direct.ts'
import { type Outgoing, Passage, UpstreamFailure } from './passage.ts'
import { Streamed } from './streamed.ts'

export interface UpstreamOptions {
  service: string
  /** `http://HOST:PORT` */
  url: string
  /** Until its answer begins, and again until it is complete. */
  timeoutMs: number
  log: Logger
}

// After so many failures in a row a service is left alone for a while; then one request tries.
const FAILURES = 10
const PAUSE_MS = 2_000

const hasBody = (req: IncomingMessage): boolean => Number(req.headers['content-length'] ?? 0) > 0

/** One service, with a time-out and a circuit breaker. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #streamed: Streamed
  readonly #direct: Direct
  readonly #breaker = circuitBreaker(handleType(UpstreamFailure), {
    halfOpenAfter: PAUSE_MS,
    breaker: new ConsecutiveBreaker(FAILURES),
  })

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.#streamed = new Streamed(options.url)
    this.#direct = new Direct(options.url)
  }

  get isBroken(): boolean {
    return this.#breaker.state === CircuitState.Open
  }

  /**
   * Passes a request on, and its answer back.
   *
   * @returns when the answer has begun, or the client has gone
   * @throws DomainError `unavailable`: 503 when the service cannot be reached, 504 when it is too slow
   */
  async forward(req: IncomingMessage, res: ServerResponse, outgoing: Outgoing): Promise<void> {
    // One request tries whether the service is back; the others are not kept waiting for it.
    if (this.#breaker.state === CircuitState.HalfOpen) throw this.#unavailable()
    try {
      const passage = await this.#breaker.execute(() => this.#pass(req, res, outgoing))
      await passage.begun
    } catch (error) {
      throw error instanceof DomainError ? error : this.#unavailable(error)
    }
  }

  async close(): Promise<void> {
    this.#streamed.close()
    await this.#direct.close()
  }

  async #pass(req: IncomingMessage, res: ServerResponse, outgoing: Outgoing): Promise<Passage> {
    const passage = new Passage([req, res], outgoing, this.#options.timeoutMs, ({ isAnswered }) =>
      this.#options.log.warn('a service is too slow', { asked: this.#options.service, isAnswered }),
    )
    const isStreamed = !outgoing.body && hasBody(req)
    const way = isStreamed ? this.#streamed : this.#direct
    way.send(passage)
    // A large upload proves that the service is back, or away, by its connection: the others would wait for its end, and
    // clients that stall would open the breaker.
    await (isStreamed && passage.connected ? Promise.race([passage.connected, passage.begun]) : passage.begun)
    return passage
  }

  #unavailable(cause?: unknown): DomainError {
    const isSlow = cause instanceof UpstreamFailure && cause.isSlow
    const what = isSlow ? 'did not answer in time' : 'is not available at the moment'
    return new DomainError('unavailable', `The ${this.#options.service} service ${what}.`, {
      status: isSlow ? 504 : 503,
      headers: { 'Retry-After': '2' },
      cause,
    })
  }
}
