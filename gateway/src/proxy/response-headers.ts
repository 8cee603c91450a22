import type { IncomingMessage, ServerResponse } from 'node:http'

/** What services may say among themselves, and what the gateway says itself. */
const INTERNAL = [
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
  'upgrade',
  'x-current-user-id',
  'x-gateway-assertion',
  'x-powered-by',
  'x-request-id',
] as const

/** Takes out of a service's answer what clients have no use for, before it is copied to ours. */
export function cleanResponseHeaders(proxyRes: IncomingMessage, res: ServerResponse): void {
  const { headers } = proxyRes
  for (const name of INTERNAL) if (headers[name] !== undefined) delete headers[name]
  // Without this one, the proxy would tell the client what the service says about its own connection.
  headers.connection = res.getHeader('connection') === 'close' || !res.shouldKeepAlive ? 'close' : 'keep-alive'
}
