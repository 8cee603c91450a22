import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { Readable, Stream } from 'node:stream'
import { DomainError } from '@platform/http/errors.ts'
import type { Logger } from '@platform/log/logger.ts'
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleType } from 'cockatiel'
import { createProxyMiddleware, type Plugin, type RequestHandler } from 'http-proxy-middleware'
import { sendAnswer } from './answer.ts'

export interface UpstreamOptions {
  service: string
  /** `http://HOST:PORT` */
  url: string
  /** Until its answer begins, and again until it is complete. */
  timeoutMs: number
  log: Logger
}

/** What goes to a service. */
export interface Outgoing {
  /** Path with query. */
  url: string
  headers: IncomingHttpHeaders
  /** A body that came in chunks and was collected; it is streamed from the client when absent. */
  body?: Buffer
  /** What the gateway adds to the answer: names and values in turn. */
  answerHeaders: string[]
}

/** The service could not be asked, or did not answer. */
class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
}

/** A request on its way. */
interface Passage {
  res: ServerResponse
  body: Buffer | undefined
  answerHeaders: string[]
  proxyReq?: ClientRequest
  isAnswered: boolean
  isLate: boolean
  timer: NodeJS.Timeout
  begun: () => void
  failed: (error: Error) => void
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Set while a service is asked. */
    passage?: Passage
  }
}

type Attach = Parameters<Plugin>[0]

// After so many failures in a row a service is left alone for a while; then one request tries.
const FAILURES = 10
const PAUSE_MS = 2_000
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
const RESET_CODES = new Set(['ECONNRESET', 'EPIPE'])

/** In place of a request without a body: piping one that is empty would be a tenth of what passing it on costs. */
class NoBody extends Stream {
  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    destination.end()
    return destination
  }
}
const NO_BODY = new NoBody()

const hasBody = (req: IncomingMessage): boolean => Number(req.headers['content-length'] ?? 0) > 0

/** One service, reached through http-proxy-middleware, with a time-out and a circuit breaker. */
export class Upstream {
  readonly #options: UpstreamOptions
  readonly #agent: Agent
  readonly #streaming: RequestHandler
  readonly #bodiless: RequestHandler
  readonly #afresh: RequestHandler
  readonly #collected: RequestHandler
  readonly #breaker = circuitBreaker(handleType(UpstreamFailure), {
    halfOpenAfter: PAUSE_MS,
    breaker: new ConsecutiveBreaker(FAILURES),
  })

  constructor(options: UpstreamOptions) {
    this.#options = options
    const { protocol, hostname, port } = new URL(options.url)
    const isSecure = protocol === 'https:'
    const target = { protocol, host: hostname, port: port || (isSecure ? 443 : 80) }
    const AgentType = isSecure ? SecureAgent : Agent
    this.#agent = new AgentType({ keepAlive: true, maxFreeSockets: 256, scheduling: 'lifo' })
    // It has one target, so nothing has to be put together to find a connection to it.
    this.#agent.getName = () => options.url
    const common = {
      target,
      selfHandleResponse: true,
      ejectPlugins: true,
      plugins: [(server: Attach) => this.#attach(server)],
    }
    this.#streaming = createProxyMiddleware({ ...common, agent: this.#agent })
    this.#bodiless = createProxyMiddleware({ ...common, agent: this.#agent, buffer: NO_BODY })
    this.#afresh = createProxyMiddleware({ ...common, agent: new AgentType({ keepAlive: false }), buffer: NO_BODY })
    this.#collected = createProxyMiddleware({
      ...common,
      agent: this.#agent,
      router: (req, _res, proxied) => {
        proxied.buffer = Readable.from([req.passage?.body ?? Buffer.alloc(0)])
        return target
      },
    })
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
      await this.#breaker.execute(() => this.#pass(req, res, outgoing))
    } catch (error) {
      throw error instanceof DomainError ? error : this.#unavailable(error)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #pass(req: IncomingMessage, res: ServerResponse, { url, headers, body, answerHeaders }: Outgoing): Promise<void> {
    req.url = url
    req.headers = headers
    return new Promise<void>((begun, failed) => {
      const timer = setTimeout(() => this.#late(req, res), this.#options.timeoutMs)
      req.passage = { res, body, answerHeaders, isAnswered: false, isLate: false, timer, begun, failed }
      res.once('close', () => {
        clearTimeout(timer)
        begun()
      })
      const proxy = body ? this.#collected : hasBody(req) ? this.#streaming : this.#bodiless
      void proxy(req, res)
    })
  }

  #attach(server: Attach): void {
    server.on('proxyReq', (proxyReq, req) => {
      if (req.passage) req.passage.proxyReq = proxyReq
    })
    server.on('proxyRes', (proxyRes, req, res) => {
      const { passage } = req
      if (!passage || res.headersSent) return void proxyRes.resume()
      passage.isAnswered = true
      passage.timer.refresh()
      passage.begun()
      sendAnswer(proxyRes, res, passage.answerHeaders)
    })
    server.on('error', (error, req) => this.#failed(error, req))
    server.on('econnreset', (error, req) => this.#failed(error, req))
  }

  #late(req: IncomingMessage, res: ServerResponse): void {
    const { passage } = req
    if (!passage) return
    passage.isLate = true
    this.#options.log.warn('a service is too slow', { asked: this.#options.service, isAnswered: passage.isAnswered })
    if (passage.isAnswered) return void res.destroy()
    passage.failed(new UpstreamFailure('No answer in time.'))
    passage.proxyReq?.destroy()
  }

  #failed(error: Error, req: IncomingMessage | undefined): void {
    const passage = req?.passage
    if (!passage || passage.isLate || passage.isAnswered || passage.res.destroyed) return
    if (this.#mayRepeat(error, req, passage)) {
      passage.proxyReq = undefined
      return void this.#afresh(req, passage.res)
    }
    passage.failed(new UpstreamFailure('No connection.', { cause: error }))
  }

  /**
   * A connection that was kept alive may be closed by the service at the very moment when it is used again: a service
   * that restarts does so. Nothing was done then, so the request is made once more, on a new one.
   */
  #mayRepeat(error: Error & { code?: string }, req: IncomingMessage, { proxyReq, body }: Passage): boolean {
    const isRepeatable = REPEATABLE.has(req.method ?? '') && !hasBody(req) && !body
    return isRepeatable && proxyReq?.reusedSocket === true && RESET_CODES.has(error.code ?? '')
  }

  #unavailable(cause?: unknown): DomainError {
    const { service } = this.#options
    const isSlow = cause instanceof UpstreamFailure && cause.cause === undefined
    const what = isSlow ? 'did not answer in time' : 'is not available at the moment'
    return new DomainError('unavailable', `The ${service} service ${what}.`, {
      status: isSlow ? 504 : 503,
      headers: { 'Retry-After': '2' },
      cause,
    })
  }
}
