import pg from 'pg'

type Done = (error: Error | undefined, result: unknown) => void

const isSubmittable = (given: unknown): given is pg.Submittable =>
  typeof (given as Partial<pg.Submittable> | null)?.submit === 'function'

/**
 * pg's client, which ends a connection that owes an answer for too long: a dead server must not hold a request for ever.
 *
 * It gives each query its callback when it makes it. pg itself assigns one afterwards, and V8 takes a function that is
 * written into a property for a thing that lives long: it would be old at once, and keep all that the request behind it
 * has made until a full garbage collection.
 *
 * @param answerMs how long an answer may take, in ms; then the query rejects with an error for which `isUnavailable` is
 *   true, and so does every other query on its connection
 */
export function clientThatWaits(answerMs: number): typeof pg.Client {
  class WaitingClient extends pg.Client {}

  const submit = pg.Client.prototype.query as (this: pg.Client, query: pg.Submittable) => unknown

  function ask(client: pg.Client, config: string | pg.QueryConfig, values: unknown[] | undefined, done: Done): void {
    const { connection } = client as pg.Client & { connection: pg.Connection }
    const timer = setTimeout(() => connection.stream.destroy(new Error('Query read timeout')), answerMs)
    const query = new pg.Query(config, values, (error, result) => {
      clearTimeout(timer)
      done(error, result)
    })
    submit.call(client, query)
  }

  WaitingClient.prototype.query = function query(
    this: pg.Client,
    config: string | pg.QueryConfig | pg.Submittable,
    second?: unknown[] | Done,
    third?: Done,
  ): unknown {
    if (isSubmittable(config)) return submit.call(this, config)
    const values = typeof second === 'function' ? undefined : second
    const done = typeof second === 'function' ? second : third
    if (done) return ask(this, config, values, done)
    return new Promise((resolve, reject) => {
      ask(this, config, values, (error, result) => (error ? reject(error) : resolve(result)))
    })
  } as pg.Client['query']
  return WaitingClient
}
