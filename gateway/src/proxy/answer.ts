import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

/** What services may say among themselves, and what the gateway says itself. */
const INTERNAL = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'server',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-content-type-options',
  'x-current-user-id',
  'x-gateway-assertion',
  'x-powered-by',
  'x-request-id',
])

/**
 * Puts together the head of an answer: the service's headers without those that are no business of clients.
 *
 * @param own names and values, in turn, that the gateway adds
 */
export function writeAnswerHead(
  res: ServerResponse,
  { status, headers }: { status: number; headers: IncomingHttpHeaders },
  own: string[],
): void {
  const head = [...own]
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined && !INTERNAL.has(name))
      head.push(name, typeof value === 'string' ? value : value.join(', '))
  }
  // A shared cache does not know that an answer to an API key is private; a service may say better.
  if (headers['cache-control'] === undefined) head.push('Cache-Control', 'private, no-cache')
  // What CORS has set would be replaced by what the service says.
  if (res.hasHeader('vary')) head.push('Vary', 'Origin')
  res.writeHead(status, head)
}
