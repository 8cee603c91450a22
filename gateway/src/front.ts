import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { asRefusal, logRefusal } from '@platform/http/app.ts'
import {
  ANONYMOUS_CALLER,
  ASSERTION_HEADER,
  type Assertions,
  type Caller,
  USER_ID_HEADER,
} from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { HttpMetrics } from '@platform/http/metrics.ts'
import { liftBodyTimeLimit } from '@platform/http/server.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { ServiceName } from '@platform/platform/registry.ts'
import type { AccessLog } from './access-log.ts'
import type { Cors } from './cors.ts'
import type { Authenticator } from './credentials/authenticator.ts'
import { type KeylessBody, MOST_OF_STRANGERS, takeBodyKey } from './credentials/body-key.ts'
import { type Credential, readCredential, severalCredentials, showsCredential } from './credentials/credential.ts'
import { beginExchange, commonHeaders, type Exchange, sendError, setHeaders } from './exchange.ts'
import { clientAddress } from './limits/address.ts'
import { type Standing, standingHeaders } from './limits/rate-limiter.ts'
import type { RequestLimits } from './limits/request-limits.ts'
import { collectBody, lengthNeeded, tooLarge } from './proxy/collect-body.ts'
import { LargeBodies } from './proxy/large-bodies.ts'
import { forwardedHeaders, refuseAmbiguousHeaders } from './proxy/request-headers.ts'
import { type Destination, findDestination as findInRoutingTable } from './proxy/routing-table.ts'
import { readTarget } from './proxy/target.ts'
import type { Upstream } from './proxy/upstream.ts'

export interface FrontOptions {
  /** The services that there are. */
  upstreams: Map<ServiceName, Upstream>
  /** Default: by the routing table. */
  findDestination?: (path: string) => Destination | undefined
  /** What answers everything that no service does. */
  ownRoutes: RequestListener
  authenticator: Authenticator
  assertions: Assertions
  limits: RequestLimits
  cors: Cors
  accessLog: AccessLog
  metrics: HttpMetrics
  log: Logger
  bodyLimit: number
  trustedProxies: number
}

/** In bytes; NaN when it is not said beforehand. */
const lengthOf = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Number.NaN

const hasBody = (req: IncomingMessage) => lengthOf(req) !== 0

/** Who calls, and what the answer carries for them. */
interface Admitted {
  caller: Caller
  /** Names and values in turn. */
  answerHeaders: string[]
}

/** Where a request goes on to. */
interface Onward extends Pick<Destination, 'hasKeyInBody'> {
  upstream: Upstream
  /** Path with query. */
  url: string
  /** Of the body, in bytes. */
  limit: number
  /** The state of the address's rate limit. */
  standing: Standing | undefined
}

/** At a time, in each process. */
const MOST_LARGE_BODIES = 16

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
// Whoever watches over the process must not be told that it asks too often.
const UNLIMITED = new Set(['/healthz', '/readyz'])

/**
 * What every request goes through: checked for ambiguity, counted by address, then answered by our own routes, or
 * authenticated, counted by caller and passed on. It is a plain listener, since Express would cost the way to the
 * services a fifth of its speed.
 */
export function createFront(options: FrontOptions): RequestListener {
  const { accessLog, log, ownRoutes, cors, limits, findDestination = findInRoutingTable } = options
  const largeBodies = new LargeBodies(MOST_LARGE_BODIES)
  const largeBodiesOfStrangers = new LargeBodies(MOST_LARGE_BODIES)

  return (req, res) => {
    const exchange = beginExchange(req, clientAddress(req, options.trustedProxies))
    res.once('close', () => finish(req, res, exchange))
    handle(req, res, exchange).catch((error) => refuse(req, res, exchange, error))
  }

  async function handle(req: IncomingMessage, res: ServerResponse, exchange: Exchange): Promise<void> {
    refuseAmbiguousHeaders(req)
    const target = readTarget(req.url ?? '')
    exchange.target = target
    if (!METHODS.has(req.method ?? '')) {
      throw new DomainError('not_found', `There is no ${req.method} ${exchange.path}.`)
    }
    if (cors.handle(req, res, () => setHeaders(res, commonHeaders(exchange)))) return
    const destination = findDestination(target.path)
    const usual = options.bodyLimit
    const limit = destination?.bodyLimit?.(target.path, req.headers['content-type'], usual) ?? usual
    if (lengthOf(req) > limit) throw tooLarge()
    const standing = UNLIMITED.has(target.path) ? undefined : await limits.takeForAddress(exchange.address)
    const upstream = destination && options.upstreams.get(destination.service)
    if (!destination || !upstream) {
      if (req.headers['transfer-encoding'] !== undefined) throw lengthNeeded()
      setHeaders(res, [...commonHeaders(exchange), ...standingHeaders(standing)])
      req.url = target.path + target.query
      req.headers['x-request-id'] = exchange.requestId
      return ownRoutes(req, res)
    }
    exchange.route = destination.prefix
    const url = destination.upstreamPrefix + target.path.slice(destination.prefix.length) + target.query
    const { hasKeyInBody, hasSignedUrls } = destination
    const pass = hasSignedUrls ? passOnSigned : passOn
    await pass(req, res, exchange, { upstream, url, limit, standing, hasKeyInBody })
  }

  async function admit(exchange: Exchange, credential: Credential): Promise<Admitted> {
    const found = options.authenticator.authenticate(credential)
    const verdict = found instanceof Promise ? await found : found
    exchange.caller = verdict.caller
    const standing = await limits.takeForCaller(verdict)
    return { caller: verdict.caller, answerHeaders: [...commonHeaders(exchange), ...standingHeaders(standing)] }
  }

  async function passOn(
    req: IncomingMessage,
    res: ServerResponse,
    exchange: Exchange,
    { upstream, url, limit, hasKeyInBody }: Onward,
  ): Promise<void> {
    const queryKey = exchange.target?.apiKey
    const mayHoldKey = hasKeyInBody === true && hasBody(req)
    const isKnownBefore = !mayHoldKey || showsCredential(req.headers, queryKey)
    let admitted = isKnownBefore ? await admit(exchange, readCredential(req.headers, queryKey)) : undefined
    let body: Buffer | undefined
    if (mayHoldKey) {
      const found = await collectKeyless(req, res, limit, admitted !== undefined)
      if (admitted && found.apiKey !== undefined) throw severalCredentials()
      admitted ??= await admit(exchange, readCredential(req.headers, found.apiKey))
      body = found.body
    }
    if (!admitted) throw new Error('Nobody has been admitted.')
    const { caller, answerHeaders } = admitted
    if (req.headers['transfer-encoding'] !== undefined) body ??= await collectBody(req, options.bodyLimit)
    const headers = vouchedHeaders(req, exchange, caller, url)
    if (body) headers['content-length'] = String(body.length)
    await upstream.forward(req, res, { url, headers, body, answerHeaders })
  }

  /** The service checks the signature in the URL. The gateway only counts the address and streams both ways. */
  async function passOnSigned(
    req: IncomingMessage,
    res: ServerResponse,
    exchange: Exchange,
    { upstream, url, standing }: Onward,
  ): Promise<void> {
    // The signature names a length, and a body without one would have to be collected.
    if (req.headers['transfer-encoding'] !== undefined) throw lengthNeeded()
    liftBodyTimeLimit(req, res)
    const headers = vouchedHeaders(req, exchange, ANONYMOUS_CALLER, url)
    const answerHeaders = [...commonHeaders(exchange), ...standingHeaders(standing)]
    await upstream.forward(req, res, { url, headers, answerHeaders, hasIdleLimit: true })
  }

  /** The client's headers without those that say who calls, and the assertion that does. */
  function vouchedHeaders(
    req: IncomingMessage,
    { requestId, traceparent }: Exchange,
    caller: Caller,
    url: string,
  ): IncomingHttpHeaders {
    const headers = forwardedHeaders(req.headers)
    headers['x-request-id'] = requestId
    headers.traceparent = traceparent
    headers[USER_ID_HEADER] = caller.userId
    headers[ASSERTION_HEADER] = options.assertions.sign(
      caller,
      { method: req.method ?? '', path: url, requestId },
      'gateway',
    )
    return headers
  }

  /** A body that may have an API key in it is in memory as a whole; so there are few large ones at a time. */
  async function collectKeyless(
    req: IncomingMessage,
    res: ServerResponse,
    limit: number,
    isKnown: boolean,
  ): Promise<KeylessBody> {
    const most = isKnown ? limit : Math.min(limit, Math.max(options.bodyLimit, MOST_OF_STRANGERS))
    const mayBeLarge = most > options.bodyLimit && !(lengthOf(req) <= options.bodyLimit)
    if (mayBeLarge) (isKnown ? largeBodies : largeBodiesOfStrangers).admit(res)
    return takeBodyKey(req.headers, await collectBody(req, most), isKnown)
  }

  function finish(req: IncomingMessage, res: ServerResponse, exchange: Exchange): void {
    const { route, requestId, startedAt, caller } = exchange
    const method = req.method ?? ''
    // Nothing was sent: the client had gone.
    const status = res.headersSent ? res.statusCode : 499
    const ms = performance.now() - startedAt
    accessLog.add({ method, path: exchange.target?.path ?? '-', status, ms, requestId, userId: caller?.userId })
    if (route !== undefined) options.metrics.record(method, route, status, ms / 1_000)
  }

  function refuse(req: IncomingMessage, res: ServerResponse, exchange: Exchange, error: unknown): void {
    const refusal = asRefusal(error)
    const place = { method: req.method ?? '', path: exchange.path }
    logRefusal(log.child({ requestId: exchange.requestId }), place, refusal, error)
    if (res.headersSent) return void res.destroy()
    sendError(req, res, refusal, exchange, findDestination(exchange.path)?.refusalBody)
  }
}
