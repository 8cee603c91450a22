import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
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
  /** How long a body may take to arrive; default 60,000. `liftBodyTimeLimit` exempts a request. */
  bodyTimeMs?: number
}

/** A server that listens, and can stop without failing a request that it has accepted. */
export interface Listening {
  /** `http://HOST:PORT` */
  url: string
  server: Server
  stop(): Promise<void>
}

const BODY_TIME_MS = 60_000
/** How long connections that are kept alive have to come by and learn that they should go. */
const DRAIN_MS = 250

/**
 * Listens with limits on everything that a client could draw out: headers, their time, the body's time.
 *
 * Stopping: answers from now on say `Connection: close`; after a moment no connection is accepted any more; after
 * another one those without a request are closed; what is in flight finishes, for as long as the grace lasts.
 */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Listening> {
  let isStopping = false
  const bodyTimeMs = options.bodyTimeMs ?? BODY_TIME_MS
  const server = createServer(
    {
      keepAliveTimeout: 65_000,
      headersTimeout: 10_000,
      // Node's own limit holds for all requests alike; `limitBodyTime` replaces it.
      requestTimeout: 0,
      maxHeaderSize: options.maxHeaderBytes ?? 65_536,
    },
    (req, res) => {
      if (isStopping) res.setHeader('Connection', 'close')
      if (announcesBody(req)) limitBodyTime(server, [req, res], bodyTimeMs)
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

declare module 'node:http' {
  interface IncomingMessage {
    bodyTimer?: BodyTimer
  }
}

/** Ends a request whose body does not arrive in time. */
interface BodyTimer {
  start(): void
  stop(): void
}

const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

function limitBodyTime(server: Server, [req, res]: [IncomingMessage, ServerResponse], bodyTimeMs: number): void {
  const { socket } = req
  const end = () => {
    if (req.complete) return
    const error = Object.assign(new Error('The body took too long.'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
    // The server's listener answers 408, as for Node's own limit. It must not write into an answer that has begun.
    if (res.headersSent || !server.emit('clientError', error, socket)) socket.destroy()
  }
  let timer: NodeJS.Timeout | undefined
  req.bodyTimer = {
    start: () => {
      timer = setTimeout(end, bodyTimeMs).unref()
    },
    stop: () => clearTimeout(timer),
  }
  req.bodyTimer.start()
  req.once('close', req.bodyTimer.stop)
}

/**
 * Lets the body of a request take any time until the request is answered. The caller must limit the time without
 * progress. The rest of a body that arrives after the answer has the usual time again.
 */
export function liftBodyTimeLimit(req: IncomingMessage, res: ServerResponse): void {
  const { bodyTimer } = req
  if (!bodyTimer) return
  bodyTimer.stop()
  res.once('close', () => {
    if (!req.complete && !req.destroyed) bodyTimer.start()
  })
}
