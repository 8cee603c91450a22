import { createServer } from 'node:net'

const LOOPBACK = '127.0.0.1'

/** True when something could listen on this port of `host` now. */
export async function isFree(port: number, host = LOOPBACK): Promise<boolean> {
  return (await listenOnce(port, host)) !== undefined
}

/** Returns a port that nothing listens on. Another process can take it before it is used. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0, LOOPBACK)
  if (port === undefined) throw new Error('No port is free on the loopback interface.')
  return port
}

/**
 * `wanted`, or the next higher port that is free.
 *
 * @param taken ports that are promised already
 */
export async function nextFreePort(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < Math.min(wanted + 200, 65_536); port++) {
    if (!taken.has(port) && (await isFree(port))) return port
  }
  return freePort()
}

function listenOnce(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
