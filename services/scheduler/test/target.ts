import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the target got it. */
export interface Received {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export type Answering = (res: ServerResponse, received: Received) => void

/** A server for jobs to send to: it answers 200 with `ok`, unless a test says otherwise for a path. */
export async function startTarget(host = '127.0.0.1') {
  const received: Received[] = []
  const answers = new Map<string, Answering>()
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk)
    const { method = '', url = '', headers } = req
    const one = { method, url, headers, body: Buffer.concat(chunks).toString() }
    received.push(one)
    const answer = answers.get(url.split('?', 1)[0] ?? '')
    if (answer) answer(res, one)
    else res.end('ok')
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** What came to a path, in order. */
    at: (path: string) => received.filter(({ url }) => url.split('?', 1)[0] === path),
    answer: (path: string, answering: Answering) => void answers.set(path, answering),
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

export type Target = Awaited<ReturnType<typeof startTarget>>

/** Answers with a status, and no more. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answering =>
  (res) =>
    res.writeHead(code, headers).end(`status ${code}`)
