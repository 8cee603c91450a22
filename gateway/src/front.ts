import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { asRefusal, logRefusal } from '@platform/http/app.ts'
import { ASSERTION_HEADER, type Assertions, USER_ID_HEADER } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { HttpMetrics } from '@platform/http/metrics.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { AccessLog } from './access-log.ts'
import type { Cors } from './cors.ts'
import type { Authenticator } from './credentials/authenticator.ts'
import { takeBodyKey } from './credentials/body-key.ts'
import { readCredential, unauthorized } from './credentials/credential.ts'
import { beginExchange, commonHeaders, type Exchange, sendError, setHeaders } from './exchange.ts'
import { clientAddress } from './limits/address.ts'
import { standingHeaders } from './limits/rate-limiter.ts'
import type { RequestLimits } from './limits/request-limits.ts'
import { collectBody, lengthNeeded, tooLarge } from './proxy/collect-body.ts'
import { forwardedHeaders, refuseAmbiguousHeaders } from './proxy/request-headers.ts'
import { type Destination, findDestination, type ServiceName } from './proxy/routing-table.ts'
import { readTarget } from './proxy/target.ts'
import type { Upstream } from './proxy/upstream.ts'

export interface FrontOptions {
  /** The services that there are. */
  upstreams: Map<ServiceName, Upstream>
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

const hasBody = ({ headers }: IncomingMessage) =>
  Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
// Whoever watches over the process must not be told that it asks too often.
const UNLIMITED = new Set(['/healthz', '/readyz'])

/**
 * What every request goes through: checked for ambiguity, counted by address, then answered by our own routes, or
 * authenticated, counted by caller and passed on. It is a plain listener, since Express would cost the way to the
 * services a fifth of its speed.
 */
export function createFront(options: FrontOptions): RequestListener {
  const { accessLog, log, ownRoutes, cors, limits } = options

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
    if (Number(req.headers['content-length'] ?? 0) > options.bodyLimit) throw tooLarge()
    const standing = UNLIMITED.has(target.path) ? undefined : await limits.takeForAddress(exchange.address)
    const destination = findDestination(target.path)
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
    await passOn(req, res, exchange, { upstream, url, hasKeyInBody: destination.hasKeyInBody })
  }

  async function passOn(
    req: IncomingMessage,
    res: ServerResponse,
    exchange: Exchange,
    { upstream, url, hasKeyInBody }: { upstream: Upstream; url: string } & Pick<Destination, 'hasKeyInBody'>,
  ): Promise<void> {
    let body: Buffer | undefined
    let apiKey = exchange.target?.apiKey
    if (hasKeyInBody && hasBody(req)) {
      const found = takeBodyKey(req.headers, await collectBody(req, options.bodyLimit))
      body = found.body
      if (apiKey !== undefined && found.apiKey !== undefined) throw unauthorized('There are several API keys.')
      apiKey ??= found.apiKey
    }
    const credential = readCredential(req.headers, apiKey)
    const found = options.authenticator.authenticate(credential)
    const verdict = found instanceof Promise ? await found : found
    exchange.caller = verdict.caller
    const answerHeaders = commonHeaders(exchange)
    const standing = await limits.takeForCaller(verdict)
    if (standing) answerHeaders.push(...standingHeaders(standing))
    const headers = forwardedHeaders(req.headers)
    if (req.headers['transfer-encoding'] !== undefined) body ??= await collectBody(req, options.bodyLimit)
    if (body) headers['content-length'] = String(body.length)
    const { requestId, traceparent, caller } = { ...exchange, caller: verdict.caller }
    headers['x-request-id'] = requestId
    headers.traceparent = traceparent
    headers[USER_ID_HEADER] = caller.userId
    headers[ASSERTION_HEADER] = options.assertions.sign(
      caller,
      { method: req.method ?? '', path: url, requestId },
      'gateway',
    )
    await upstream.forward(req, res, { url, headers, body, answerHeaders })
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
