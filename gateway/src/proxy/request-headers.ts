import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { DomainError } from '@platform/http/errors.ts'

/**
 * The client's headers that services get; no other one goes through, whatever its spelling. So nothing that says who
 * somebody is, no credential, no cookie, no `X-Forwarded-*` and no hop-by-hop header can come from outside.
 */
const FORWARDED = [
  'accept',
  'accept-language',
  'content-encoding',
  'content-length',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'prefer',
  'range',
  'tracestate',
  'user-agent',
] as const

/** The part of the client's headers that may go upstream. */
export function forwardedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const forwarded: IncomingHttpHeaders = {}
  for (const name of FORWARDED) {
    const value: string | string[] | undefined = headers[name]
    if (typeof value === 'string') forwarded[name] = value
  }
  return forwarded
}

// Two of them, and two readers may each believe another one.
const ONCE = new Set(['authorization', 'x-api-key', 'host', 'content-type', 'content-length', 'transfer-encoding'])
const ONCE_LENGTHS = new Set([...ONCE].map((name) => name.length))
const OWN_HOP = new Set(['close', 'keep-alive', 'te'])

/**
 * Refuses headers that could mean different things to different readers.
 *
 * @throws DomainError `validation` for a header that is there twice, and for a `Connection` that names anything but
 *   the hop's own affairs: naming a header there asks a proxy to remove it
 */
export function refuseAmbiguousHeaders(req: IncomingMessage): void {
  const { rawHeaders } = req
  let seen = ''
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const raw = rawHeaders[i] as string
    if (!ONCE_LENGTHS.has(raw.length)) continue
    const name = raw.toLowerCase()
    if (!ONCE.has(name)) continue
    if (seen.includes(`|${name}|`)) throw new DomainError('validation', `The header ${name} is there twice.`)
    seen += `|${name}|`
  }
  const { connection } = req.headers
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return
  for (const token of connection.toLowerCase().split(',')) {
    if (token.trim() !== '' && !OWN_HOP.has(token.trim())) {
      throw new DomainError('validation', 'Connection may name nothing but close, keep-alive and te.')
    }
  }
}
