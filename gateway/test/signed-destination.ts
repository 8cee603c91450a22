import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
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
  /** Sends a few bytes. */
  send(bytes: number): void
  /** Sends all the other bytes, as fast as the gateway takes them. */
  finish(): Promise<void>
  abort(): void
  answer: Promise<IncomingMessage>
}

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
  return {
    sent: () => sent,
    send: (bytes) => {
      sent += bytes
      outgoing.write(Buffer.alloc(bytes, 'x'))
    },
    finish: async () => {
      const rest = pieces(length - sent, (bytes) => {
        sent += bytes
      })
      // An answer may end the upload early.
      await pipeline(Readable.from(rest), outgoing).catch(() => {})
    },
    abort: () => void outgoing.destroy(),
    answer,
  }
}

const PIECE = Buffer.alloc(65_536, 'x')

/** Yields a large body piece by piece, as fast as its reader allows, and tells of each piece. */
export function* pieces(length: number, taken: (bytes: number) => void): Generator<Buffer> {
  for (let at = 0; at < length; at += PIECE.length) {
    const piece = PIECE.subarray(0, length - at)
    taken(piece.length)
    yield piece
  }
}

export async function readText(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer) text += chunk
  return text
}
