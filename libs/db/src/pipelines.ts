import type pg from 'pg'

/** As few as a process can keep busy: the more there are, the less often the server has the next query at hand. */
const CONNECTIONS = 2
/** How many queries may be under way on one: each waits for those before it, and one of them may be slow for once. */
const DEPTH = 8

/**
 * Connections that short reads share: a query is sent without waiting for the answer to the one before it, and the server
 * goes from one to the next without being woken for each. They are opened when they are needed.
 *
 * Nothing that writes or locks belongs here: whoever comes behind it on its connection would wait for the lock, too.
 */
export class Pipelines {
  readonly #all: Pipeline[]

  /** @param create a client with `pipeline: true`, not yet connected */
  constructor(create: () => pg.Client) {
    this.#all = Array.from({ length: CONNECTIONS }, () => new Pipeline(create))
  }

  /** @returns undefined when there is so much to do that a connection of the pool is the better choice */
  query<R extends object>(query: pg.QueryConfig): Promise<pg.QueryResult<R>> | undefined {
    const chosen = this.#all.reduce((least, other) => (other.waiting < least.waiting ? other : least))
    return chosen.waiting < DEPTH ? chosen.query(query) : undefined
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((pipeline) => pipeline.close()))
  }
}

class Pipeline {
  /** How many queries are under way. */
  waiting = 0
  readonly #create: () => pg.Client
  #client: Promise<pg.Client> | undefined

  constructor(create: () => pg.Client) {
    this.#create = create
  }

  async query<R extends object>(query: pg.QueryConfig): Promise<pg.QueryResult<R>> {
    this.waiting++
    try {
      this.#client ??= this.#connect()
      const client = await this.#client
      return await client.query<R>(query)
    } finally {
      this.waiting--
    }
  }

  /** Connects; whoever comes after the connection's end has a new one. */
  #connect(): Promise<pg.Client> {
    const client = this.#create()
    const connecting = client.connect().then(() => client)
    const forget = () => {
      if (this.#client === connecting) this.#client = undefined
    }
    connecting.catch(forget)
    client.once('end', forget)
    // The queries under way tell of it; there may be none.
    client.on('error', () => {
      forget()
      client.end().catch(() => {})
    })
    return connecting
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.end()
  }
}
