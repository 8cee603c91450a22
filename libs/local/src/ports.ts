import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const LOOPBACK = '127.0.0.1'

/** True when something could listen on this port of `host` now. */
export function isFree(port: number, host = LOOPBACK): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

// Below the ports that systems give to connections and to servers that ask for any port: a port that was chosen here is
// still free when its server starts.
const LOWEST = 23_000
const HIGHEST = 32_000
const ATTEMPTS = 200

/** Returns a port that nothing listens on, for a server that starts a little later. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST)
    if (await isFree(port)) return port
  }
  throw new Error('No port is free on the loopback interface.')
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
