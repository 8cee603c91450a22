import type { IncomingMessage, ServerResponse } from 'node:http'

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
  'x-current-user-id',
  'x-gateway-assertion',
  'x-powered-by',
  'x-request-id',
])

/** Larger answers are passed on piece by piece. */
const SMALL = 65_536

/**
 * Sends a service's answer to the client, without the headers that are no business of clients. Nearly every answer is
 * small: it goes out in one write with its head, which a pipe does not do and which is a good part of what a request
 * costs. An answer that breaks off breaks the client's connection: the proxy sees to that.
 *
 * @param own names and values, in turn, that the gateway adds
 */
export function sendAnswer(proxyRes: IncomingMessage, res: ServerResponse, own: string[]): void {
  const { headers } = proxyRes
  const head = [...own]
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && !INTERNAL.has(name)) head.push(name, value)
  }
  // A shared cache does not know that an answer to an API key is private; a service may say better.
  if (headers['cache-control'] === undefined) head.push('Cache-Control', 'private, no-cache')
  // What CORS has set would be replaced by what the service says.
  if (res.hasHeader('vary')) head.push('Vary', 'Origin')
  res.writeHead(proxyRes.statusCode ?? 502, head)
  if (Number(headers['content-length'] ?? SMALL + 1) > SMALL) proxyRes.pipe(res)
  else sendWhole(proxyRes, res)
}

function sendWhole(proxyRes: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = []
  proxyRes.on('data', (chunk: Buffer) => void chunks.push(chunk))
  proxyRes.on('end', () => {
    const [first, ...more] = chunks
    if (!first) return void res.end()
    const body = more.length === 0 ? first : Buffer.concat(chunks)
    // As text of single bytes it is joined to the head; as a buffer it would be a second piece of memory to be written.
    res.end(body.toString('latin1'), 'latin1')
  })
}
