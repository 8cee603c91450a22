import { Agent, type Dispatcher, errors } from 'undici'
import type { Answer, SendResult, Sent } from './answer.ts'
import type { OutgoingRequest } from './build-request.ts'
import { guardedConnector } from './connector.ts'
import { type TargetGuard, TargetRefused } from './target-guard.ts'

export interface SenderOptions {
  guard: TargetGuard
  /** The engine's clock, in ms. */
  now: () => number
  connectTimeoutMs: number
  /** For the whole of a request, from its first byte to the answer's last one. */
  timeoutMs: number
  /** How much of an answer's body is kept, and read. */
  keptBodyBytes: number
  /** To one origin. */
  connections: number
}

const MAX_HEADER_BYTES = 16_384
const MAX_ORIGINS = 20_000
const MAX_ERROR_LENGTH = 500
const LATE = Symbol('late')

/** Sends requests with limits on all that the other side could draw out: time, headers, body, redirects. */
export class Sender {
  readonly #options: SenderOptions
  readonly #agent: Agent
  /** Where the newest connection to an origin went; forgotten when there are many. */
  readonly #peers = new Map<string, string>()

  constructor(options: SenderOptions) {
    this.#options = options
    const { guard, connectTimeoutMs, timeoutMs, connections } = options
    this.#agent = new Agent({
      connect: guardedConnector(guard, connectTimeoutMs, (origin, address) => this.#noteAddress(origin, address)),
      connections,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 10_000,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxOrigins: MAX_ORIGINS,
    })
  }

  /**
   * Never rejects: what goes wrong is part of the result.
   *
   * @param stop ends the request; its reason is noted, and the outcome is unknown
   */
  async send(request: OutgoingRequest, stop: AbortController): Promise<Sent> {
    const { now, timeoutMs } = this.#options
    const url = new URL(request.uri)
    // One signal for both: composed ones are what the garbage collector would be busy with.
    const late = setTimeout(() => stop.abort(LATE), timeoutMs)
    const sentAt = new Date(now())
    let firstByteAt: Date | null = null
    let result: SendResult
    try {
      const response = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body,
        signal: stop.signal,
      })
      firstByteAt = new Date(now())
      result = await this.#read(response)
    } catch (error) {
      const { aborted, reason } = stop.signal
      if (aborted && reason !== LATE) result = { kind: 'unknown', error: messageOf(reason) }
      else if (aborted) result = { kind: 'failed', error: `no complete answer within ${timeoutMs} ms` }
      else result = { kind: isRefusal(error) ? 'refused' : 'failed', error: messageOf(error) }
    } finally {
      clearTimeout(late)
    }
    const port = url.port || (url.protocol === 'https:' ? '443' : '80')
    const address = this.#peers.get(`${url.protocol}//${url.hostname}:${port}`) ?? null
    return { sentAt, firstByteAt, endedAt: new Date(now()), address, result }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Answer> {
    const { keptBodyBytes } = this.#options
    const chunks: Buffer[] = []
    let size = 0
    let isTruncated = false
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      // Leaving the loop destroys the rest, and its connection with it.
      isTruncated = size > keptBodyBytes
      if (isTruncated) break
    }
    const kept: Answer['headers'] = {}
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) kept[name] = value
    return {
      kind: 'answer',
      statusCode,
      headers: kept,
      body: Buffer.concat(chunks).subarray(0, keptBodyBytes),
      isTruncated,
    }
  }

  #noteAddress(origin: string, address: string): void {
    if (this.#peers.size >= MAX_ORIGINS) this.#peers.clear()
    const withPort = /:\d+$/.test(origin) ? origin : `${origin}${origin.startsWith('https:') ? '443' : '80'}`
    this.#peers.set(withPort, address)
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof TargetRefused || (error instanceof Error && error.cause instanceof TargetRefused)
}

/** Says what happened, in a line without anything that the database could not take. */
function messageOf(error: unknown): string {
  const text = !(error instanceof Error)
    ? String(error)
    : error instanceof AggregateError
      ? error.errors.map(messageOf).join('; ')
      : error instanceof errors.UndiciError
        ? `${error.message} (${error.code})`
        : error.message || error.name
  return text.replaceAll(/[\0\r\n]+/g, ' ').slice(0, MAX_ERROR_LENGTH)
}
