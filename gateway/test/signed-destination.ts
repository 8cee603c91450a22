import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Destination } from '../src/proxy/routing-table.ts'

export const MIB = 1_048_576
export const SIGNED_BODY_LIMIT = 128 * MIB

const destination: Destination = {
  prefix: '/signed',
  service: 'groups',
  upstreamPrefix: '/signed',
  hasSignedUrls: true,
  bodyLimit: () => SIGNED_BODY_LIMIT,
}
const plain: Destination = { prefix: '/groups', service: 'groups', upstreamPrefix: '/groups' }

/** A routing table with one destination that has signed URLs beside an ordinary one. */
export const findSignedDestination = (path: string): Destination | undefined =>
  [destination, plain].find(({ prefix }) => path.startsWith(`${prefix}/`))

/** Starts a service that gets its requests unread. */
export async function startRawService(listener: RequestListener): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()),
  }
}

/** An upload under way, whose pieces the test sends one by one. */
export interface Upload {
  /** Bytes that were given to the connection. */
  sent(): number
  /** Sends bytes; resolves when the connection takes more. */
  send(bytes: number): Promise<void>
  /** Sends everything that is left. */
  finish(): Promise<void>
  abort(): void
  answer: Promise<IncomingMessage>
}

const PIECE = Buffer.alloc(65_536, 'x')

/** Starts an upload of a known length. */
export function startUpload(url: string, length: number): Upload {
  const outgoing = request(url, { method: 'PUT', headers: { 'content-length': String(length) } })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  // A test that aborts does not look at the answer.
  answer.catch(() => {})
  let sent = 0
  const send = async (bytes: number): Promise<void> => {
    sent += bytes
    if (outgoing.write(PIECE.subarray(0, bytes)) || outgoing.destroyed) return
    await new Promise<void>((resolve) => void outgoing.once('drain', resolve).once('close', resolve))
  }
  return {
    sent: () => sent,
    send,
    finish: async () => {
      while (sent < length && !outgoing.destroyed) await send(Math.min(PIECE.length, length - sent))
      outgoing.end()
    },
    abort: () => void outgoing.destroy(),
    answer,
  }
}

export async function readText(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer) text += chunk
  return text
}
