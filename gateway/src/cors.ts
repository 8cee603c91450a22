import type { IncomingMessage, ServerResponse } from 'node:http'

const EXPOSED =
  'Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, traceparent, x-request-id'
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const HEADERS =
  'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Prefer, Range, X-API-Key, traceparent, tracestate, x-request-id'

/** Lets pages of some origins read our answers. Credentials are sent by hand, never by cookie. */
export class Cors {
  readonly #origins: Set<string>

  /** @param origins such as `https://app.example.com`; `*`: any */
  constructor(origins: string[]) {
    this.#origins = new Set(origins)
  }

  /**
   * @param prepare puts on an answer to a preflight what every answer carries
   * @returns true for a preflight, which is answered then
   */
  handle(req: IncomingMessage, res: ServerResponse, prepare: () => void): boolean {
    const { origin } = req.headers
    if (origin === undefined || this.#origins.size === 0) return false
    const isAny = this.#origins.has('*')
    if (!isAny) res.setHeader('Vary', 'Origin')
    const isPreflight = req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined
    if (isAny || this.#origins.has(origin)) {
      res.setHeader('Access-Control-Allow-Origin', isAny ? '*' : origin)
      res.setHeader('Access-Control-Expose-Headers', EXPOSED)
      if (isPreflight) {
        res.setHeader('Access-Control-Allow-Methods', METHODS)
        res.setHeader('Access-Control-Allow-Headers', HEADERS)
        res.setHeader('Access-Control-Max-Age', '600')
      }
    }
    if (!isPreflight) return false
    prepare()
    res.writeHead(204).end()
    return true
  }
}
