import type { IncomingMessage } from 'node:http'

/**
 * The client's address. Behind `proxies` proxies of our own it is what the outermost of them saw; what clients wrote
 * into the header further left is not believed.
 */
export function clientAddress(req: IncomingMessage, proxies: number): string {
  const peer = req.socket.remoteAddress ?? ''
  const header = proxies > 0 ? req.headers['x-forwarded-for'] : undefined
  if (header === undefined) return peer
  const hops = [String(header)].join(',').split(',')
  return hops[Math.max(0, hops.length - proxies)]?.trim() || peer
}

/** What limits count by: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has. */
export function addressBlock(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7)
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
