import { Agent, type Dispatcher, Pool } from 'undici'
import type { OutgoingRequest } from './build-request.ts'
import { Connection } from './connection.ts'
import { guardedConnector } from './connector.ts'
import { Exchange, type ExchangeOptions } from './exchange.ts'
import type { TargetGuard } from './target-guard.ts'

export interface SenderOptions extends ExchangeOptions {
  guard: TargetGuard
  connectTimeoutMs: number
  /** To one origin. */
  connections: number
}

const MAX_HEADER_BYTES = 16_384
const MAX_ORIGINS = 20_000

/** Sends requests with limits on all that the other side could draw out: time, headers, body, redirects. */
export class Sender {
  readonly #options: ExchangeOptions
  readonly #agent: Agent

  constructor(options: SenderOptions) {
    const { guard, connectTimeoutMs, connections, ...limits } = options
    const { timeoutMs } = limits
    this.#options = limits
    const connect = guardedConnector(guard, connectTimeoutMs)
    const toConnection = (origin: URL, given: object) => new Connection(origin, given, connect)
    this.#agent = new Agent({
      connect,
      factory: (origin, given) => new Pool(origin, { ...given, connections, factory: toConnection }),
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 10_000,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxOrigins: MAX_ORIGINS,
    })
  }

  /** Hands a request to the network. */
  send({ uri, method, headers, body }: OutgoingRequest): Exchange {
    const { origin, pathname, search } = new URL(uri)
    const exchange = new Exchange(this.#options)
    const request = { origin, path: pathname + search, method: method as Dispatcher.HttpMethod, headers, body }
    // With a handler of its own: undici's streams and signals cost as much as all the rest of a request.
    this.#agent.dispatch(request, exchange)
    return exchange
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
