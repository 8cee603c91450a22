import { type buildConnector, Client } from 'undici'
import type { Exchange, Peer } from './exchange.ts'

/** A connection to a target, one socket after another. It tells its requests where they go: undici does not. */
export class Connection extends Client {
  readonly #peer: Peer

  constructor(origin: string | URL, options: Client.Options, connect: buildConnector.connector) {
    const peer: Peer = { address: null }
    super(origin, { ...options, connect: noting(peer, connect) })
    this.#peer = peer
  }

  /** @param exchange all that is sent here is one: the pool passes on what the sender gave it */
  override dispatch(options: Parameters<Client['dispatch']>[0], exchange: Exchange): boolean {
    exchange.goBy(this.#peer)
    return super.dispatch(options, exchange)
  }
}

function noting(peer: Peer, connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null)
      peer.address = socket.remoteAddress ?? null
      callback(null, socket)
    })
  }
}
