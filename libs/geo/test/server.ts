import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that answers as it is told, for what we don't run ourselves. */
export interface FakeServer {
  url: string
  /** Path and query of every request so far. */
  requests: { url: URL; headers: IncomingMessage['headers'] }[]
  answer: Answer
  stop(): Promise<void>
}

export async function startFakeServer(): Promise<FakeServer> {
  const http = createServer((request, response) => {
    fake.requests.push({ url: new URL(request.url ?? '', fake.url), headers: request.headers })
    fake.answer(request, response)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  const fake: FakeServer = {
    url: `http://127.0.0.1:${address.port}`,
    requests: [],
    answer: (_, response) => response.end(),
    async stop() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return fake
}

export const json =
  (body: unknown, status = 200): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
