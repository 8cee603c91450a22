import { Agent, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { createProxyMiddleware, type Plugin, type RequestHandler } from 'http-proxy-middleware'
import { writeAnswerHead } from './answer.ts'
import type { Passage } from './passage.ts'

declare module 'node:http' {
  interface IncomingMessage {
    /** Set while a service is asked. */
    passage?: Passage
  }
}

type Attach = Parameters<Plugin>[0]

/** Passes on requests whose bodies are streamed from the client, by http-proxy-middleware. */
export class Streamed {
  readonly #agent: Agent
  readonly #proxy: RequestHandler

  /** @param url `http://HOST:PORT` */
  constructor(url: string) {
    const { protocol, hostname, port } = new URL(url)
    const isSecure = protocol === 'https:'
    const AgentType = isSecure ? SecureAgent : Agent
    this.#agent = new AgentType({ keepAlive: true, maxFreeSockets: 256, scheduling: 'lifo' })
    this.#proxy = createProxyMiddleware({
      target: { protocol, host: hostname, port: port || (isSecure ? 443 : 80) },
      agent: this.#agent,
      selfHandleResponse: true,
      ejectPlugins: true,
      plugins: [attach],
    })
  }

  send(passage: Passage): void {
    const { req, res, outgoing } = passage
    req.url = outgoing.url
    req.headers = outgoing.headers
    req.passage = passage
    void this.#proxy(req, res)
  }

  close(): void {
    this.#agent.destroy()
  }
}

function attach(server: Attach): void {
  server.on('proxyReq', (proxyReq: ClientRequest, req: IncomingMessage) => {
    const { passage } = req
    if (!passage) return
    passage.asked = { abort: () => void proxyReq.destroy() }
    if (passage.res.destroyed) return passage.abandon()
    const { socket } = proxyReq
    if (socket?.connecting) socket.once('connect', () => passage.connectedToService())
    else passage.connectedToService()
  })
  server.on('proxyRes', (proxyRes, { passage }, res) => {
    if (!passage || res.headersSent) return void proxyRes.resume()
    passage.answered()
    writeAnswerHead(
      res,
      { status: proxyRes.statusCode ?? 502, headers: proxyRes.headers },
      passage.outgoing.answerHeaders,
    )
    proxyRes.pipe(res)
  })
  server.on('error', (error, req) => req?.passage?.failed(error))
  server.on('econnreset', (error, req) => req?.passage?.failed(error))
}
