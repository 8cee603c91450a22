import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { mediaKey } from '../../src/media/store/media-key.ts'
import type { MediaStore, UploadGrant } from '../../src/media/store/media-store.ts'
import type { SignedRequest } from './stores.ts'

export const inMinutes = (minutes: number, from = new Date()): Date => new Date(from.getTime() + minutes * 60_000)

export const sha256Of = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

export function newKey(): string {
  return mediaKey({ robotId: randomUUID(), groupId: randomUUID(), mediaId: randomUUID() })
}

/** Something to upload, under a key of its own. */
export interface Sample {
  body: Buffer
  grant: UploadGrant
}

export function sample(bytes = 3_000, grant: Partial<UploadGrant> = {}): Sample {
  const body = randomBytes(bytes)
  const content = { contentType: 'image/jpeg', bytes, sha256: sha256Of(body) }
  return { body, grant: { key: newKey(), ...content, expiresAt: inMinutes(15), ...grant } }
}

/** Stores a sample as a client does. */
export async function upload(store: MediaStore, { body, grant }: Sample = sample()): Promise<Sample> {
  const { status } = await send(await store.presignUpload(grant), body)
  if (status !== 200) throw new Error(`The upload was answered with ${status}.`)
  return { body, grant }
}

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface RawRequest {
  method?: string
  url: string
  headers?: Record<string, string>
}

/**
 * Sends a request exactly as it is given: neither the path is normalised nor a header added, other than by `fetch`.
 *
 * @param path instead of the path and query of the URL
 */
export async function send(
  { method = 'GET', url, headers }: RawRequest,
  body?: Buffer,
  path?: string,
): Promise<Answer> {
  const { hostname, port, pathname, search } = new URL(url)
  const req = request({ method, hostname, port, path: path ?? `${pathname}${search}`, headers, agent: false })
  // A store may answer and close before it has read all of a body that it refuses.
  req.on('error', () => {})
  req.end(body)
  const [res]: IncomingMessage[] = await once(req, 'response')
  if (!res) throw new Error('There is no answer.')
  return { status: res.statusCode ?? 0, headers: res.headers, body: await buffer(res) }
}

/** A signed request with other headers. */
export function withHeaders(request: SignedRequest, headers: Record<string, string>): SignedRequest {
  return { ...request, headers: { ...request.headers, ...headers } }
}
