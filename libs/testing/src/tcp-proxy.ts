import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy that does to connections what networks do: to stand between a process and PostgreSQL or Kafka. */
export interface TcpProxy {
  port: number
  /** How many connections stand. */
  count(): number
  /** Resets every connection, and refuses new ones until `restore`. */
  cut(): void
  /** Resets every connection once; new ones are taken. */
  reset(): void
  /** Keeps every connection open but passes nothing on, in either direction, until `restore`: a lost network. */
  freeze(): void
  /** Ends the server's half of every connection (FIN): the client may still write and is never answered. */
  halfClose(): void
  /** Waits so long with every piece of data, in either direction. Pieces stay in order. */
  delay(ms: number): void
  /** Everything passes again, at once; what was frozen first. */
  restore(): void
  close(): Promise<void>
}

interface Link {
  client: Socket
  server: Socket
}

/** Listens on the loopback interface and passes on to `target`. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const links = new Set<Link>()
  const held: (() => void)[] = []
  let isCut = false
  let isFrozen = false
  let delayMs = 0

  const pass = (from: Socket, to: Socket): void => {
    // One after the other, so that a change of the delay does not let a later piece overtake.
    let last = Promise.resolve()
    const deliver = (act: () => void) => {
      last = last.then(() => wait(delayMs)).then(act)
    }
    const inTurn = (act: () => void) => (isFrozen ? void held.push(() => deliver(act)) : deliver(act))
    from.on('data', (piece) => inTurn(() => to.writable && to.write(piece)))
    from.on('end', () => inTurn(() => to.end()))
    from.on('error', () => to.destroy())
    from.on('close', () => inTurn(() => to.destroy()))
  }

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (isCut) return void client.resetAndDestroy()
    const server = connect({ ...target, allowHalfOpen: true })
    const link = { client, server }
    links.add(link)
    client.setNoDelay()
    server.setNoDelay()
    pass(client, server)
    pass(server, client)
    client.on('close', () => links.delete(link))
  })

  const reset = () => {
    for (const { client, server } of links) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    links.clear()
  }
  return {
    port: await listen(listener),
    count: () => links.size,
    cut: () => {
      isCut = true
      reset()
    },
    reset,
    freeze: () => {
      isFrozen = true
    },
    halfClose: () => {
      for (const { client } of links) client.end()
    },
    delay: (ms) => {
      delayMs = ms
    },
    restore: () => {
      isCut = false
      isFrozen = false
      delayMs = 0
      for (const release of held.splice(0)) release()
    },
    close: () => {
      reset()
      return new Promise((resolve) => listener.close(() => resolve()))
    },
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}

function wait(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms))
}
