import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '@platform/http/assertion.ts'
import { type DomainError, errorBody } from '@platform/http/errors.ts'
import { acceptRequestId, continueTrace } from '@platform/http/trace.ts'
import type { Target } from './proxy/target.ts'

/** One request at the gateway, from its first byte to the last of its answer. */
export interface Exchange {
  requestId: string
  traceparent: string
  /** As it came, without its query: for logs and errors. */
  path: string
  address: string
  startedAt: number
  /** Once it was read. */
  target?: Target
  /** Once it is known which service it is for: the path's prefix. */
  route?: string
  /** Once the credential was checked. */
  caller?: Caller
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Set by the front. A field costs a request nothing; a WeakMap beside it costs the garbage collector a lot. */
    exchange?: Exchange
  }
}

const LONGEST_PATH = 200

/** Begins an exchange: gives the request its id and its trace. */
export function beginExchange(req: IncomingMessage, address: string): Exchange {
  const { headers } = req
  const requestId = acceptRequestId(headers['x-request-id'] as string | undefined) ?? randomUUID()
  const traceparent = continueTrace(headers.traceparent as string | undefined)
  const url = req.url ?? ''
  const end = url.indexOf('?')
  const path = (end === -1 ? url : url.slice(0, end)).slice(0, LONGEST_PATH)
  const exchange: Exchange = { requestId, traceparent, path, address, startedAt: performance.now() }
  req.exchange = exchange
  return exchange
}

/** What every answer carries: names and values in turn. */
export function commonHeaders({ requestId }: Exchange): string[] {
  return [
    'x-request-id',
    requestId,
    'X-Content-Type-Options',
    'nosniff',
    'Content-Security-Policy',
    "default-src 'none'; frame-ancestors 'none'",
  ]
}

/** Puts names and values, in turn, on an answer. */
export function setHeaders(res: ServerResponse, headers: string[]): void {
  for (let i = 0; i < headers.length; i += 2) res.setHeader(headers[i] ?? '', headers[i + 1] ?? '')
}

/** The exchange of a request that the gateway has begun. */
export function exchangeOf(req: IncomingMessage): Exchange {
  if (!req.exchange) throw new Error('The request did not come in by the front.')
  return req.exchange
}

/**
 * Answers with the contract's errors.
 *
 * @param bodyOf another form of them
 */
export function sendError(
  req: IncomingMessage,
  res: ServerResponse,
  refusal: DomainError,
  exchange: Exchange,
  bodyOf: (refusal: DomainError) => unknown = (error) =>
    errorBody(error, `${req.method} ${exchange.path}`, exchange.requestId),
): void {
  const body = JSON.stringify(bodyOf(refusal))
  setHeaders(res, commonHeaders(exchange))
  for (const [name, value] of Object.entries(refusal.headers)) res.setHeader(name, value)
  res.writeHead(refusal.status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}
