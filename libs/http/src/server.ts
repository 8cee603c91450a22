import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ListenOptions {
  host: string
  /** 0: any free one. */
  port: number
  /** How long what is in flight may take when stopping. */
  graceMs: number
  /** Of the request line and headers; default 65,536: what the gateway lets in, and what it adds. */
  maxHeaderBytes?: number
}

/** A server that listens, and can stop without failing a request that it has accepted. */
export interface Listening {
  /** `http://HOST:PORT` */
  url: string
  server: Server
  stop(): Promise<void>
}

/** How long connections that are kept alive have to come by and learn that they should go. */
const DRAIN_MS = 250

/**
 * Listens with limits on everything that a client could draw out: headers, their time, the whole request's time.
 *
 * Stopping: answers from now on say `Connection: close`; after a moment no connection is accepted any more; after
 * another one those without a request are closed; what is in flight finishes, for as long as the grace lasts.
 */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Listening> {
  let isStopping = false
  const server = createServer(
    {
      keepAliveTimeout: 65_000,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      maxHeaderSize: options.maxHeaderBytes ?? 65_536,
    },
    (req, res) => {
      if (isStopping) res.setHeader('Connection', 'close')
      listener(req, res)
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = options.host === '0.0.0.0' || options.host === '::' ? '127.0.0.1' : options.host
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    isStopping = true
    const drainMs = Math.min(DRAIN_MS, options.graceMs)
    await sleep(drainMs)
    // Not the HTTP server's own close(): it would at once end connections whose first request is still on its way.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
    await sleep(drainMs)
    const force = setTimeout(() => server.closeAllConnections(), options.graceMs)
    server.close()
    await closed
    clearTimeout(force)
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    server,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}
