import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DomainError } from '@platform/http/errors.ts'
import type { Logger } from '@platform/log/logger.ts'
import { assertStoredContentType } from '../content-types.ts'
import { moveInto, removeDurably } from './durable.ts'
import { newIncomingPath, removeAbandoned } from './incoming.ts'
import { fromWholeSeconds, lifetimeSeconds, toWholeSeconds } from './lifetime.ts'
import { assertMediaKey } from './media-key.ts'
import type { ListedObject, MediaContent, MediaStore } from './media-store.ts'
import { encodeTrailer, type OpenObject, openObject } from './object-file.ts'
import { type SignedUpload, SignedUrls } from './signed-urls.ts'
import { walkObjects } from './walk.ts'

export interface FileStoreOptions {
  /** For everything that the store keeps; made when it is missing. */
  folder: string
  /** Address of the gateway, as clients see it. */
  baseUrl: string
  /** Key of the URLs' signatures: the same for every replica. */
  secret: string
  log: Logger
  clock?: () => Date
}

/** A store in a folder, with the steps that its routes need. */
export interface FileStore extends MediaStore {
  readonly urls: SignedUrls
  readonly clock: () => Date
  /**
   * Stores an upload once all of it has arrived and is the announced content.
   *
   * @throws DomainError payload_too_large for more bytes; validation for fewer bytes or another SHA-256
   */
  receive(body: AsyncIterable<Uint8Array>, upload: SignedUpload): Promise<void>
  /** Opens an object for reading; the caller closes it. */
  open(key: string): Promise<OpenObject | undefined>
}

const SWEEP_EVERY_MS = 600_000
// An upload writes all the time; a file that has not changed for so long has lost its writer.
const STALE_MS = 3_600_000
const WRITE_BATCH_BYTES = 524_288

/** Opens a store in a folder. Temporary files that an earlier process left are removed in the background. */
export function openFileStore({ folder, baseUrl, secret, log, clock = () => new Date() }: FileStoreOptions): FileStore {
  const objects = resolve(folder, 'objects')
  // Beside the objects, in the same file system: moving a file there is one step.
  const incoming = resolve(folder, 'incoming')
  for (const path of [objects, incoming]) mkdirSync(path, { recursive: true })
  const urls = new SignedUrls(baseUrl, secret)
  const pathOf = (key: string) => join(objects, assertMediaKey(key))

  const sweep = async () => {
    try {
      const removed = await removeAbandoned(incoming, STALE_MS)
      if (removed > 0) log.info('left-over uploads removed', { removed })
    } catch (error) {
      log.warn('left-over uploads could not be removed', { error })
    }
  }
  let sweeping = sweep()
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep)
  }, SWEEP_EVERY_MS).unref()

  const withObject = async <T>(key: string, use: (object: OpenObject) => Promise<T> | T): Promise<T | undefined> => {
    const object = await openObject(pathOf(key))
    if (!object) return undefined
    try {
      return await use(object)
    } finally {
      await object.file.close()
    }
  }
  const head = (key: string) => withObject(key, ({ contentType, bytes, sha256 }) => ({ contentType, bytes, sha256 }))
  const receive = async (body: AsyncIterable<Uint8Array>, upload: SignedUpload) => {
    const target = pathOf(upload.key)
    const temporary = newIncomingPath(incoming)
    try {
      await writeDurably(temporary, withTrailer(body, upload))
      await moveInto(temporary, target)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  return {
    urls,
    clock,
    receive,
    head,
    open: (key) => openObject(pathOf(key)),
    exists: async (key) => (await head(key)) !== undefined,
    presignUpload: async (grant) => {
      const { contentType, bytes } = grant
      assertGrantable(grant, clock())
      const headers = { 'content-type': contentType, 'content-length': String(bytes) }
      return { method: 'PUT', url: urls.signUpload(grant), headers, expiresAt: wholeSecond(grant.expiresAt) }
    },
    presignRead: async (grant) => {
      assertGrantable(grant, clock())
      return { url: urls.signRead(grant), expiresAt: wholeSecond(grant.expiresAt) }
    },
    read: (key, maxBytes) =>
      withObject(key, async ({ file, bytes }) => {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(maxBytes, bytes)), { position: 0 })
        return buffer.subarray(0, bytesRead)
      }),
    write: async (key, body, contentType) => {
      assertStoredContentType(contentType)
      const content: MediaContent = { contentType, bytes: body.byteLength, sha256: sha256Of(body) }
      await receive(once(body), { key, ...content })
      return content
    },
    delete: (key) => removeDurably(objects, pathOf(key)),
    list: async ({ after, limit }) => {
      const found: ListedObject[] = []
      for await (const object of walkObjects(objects, after)) {
        if (found.length === limit) return { objects: found, next: found.at(-1)?.key }
        found.push(object)
      }
      return { objects: found }
    },
    close: async () => {
      clearInterval(timer)
      await sweeping
    },
  }
}

/** Passes an upload on, checks it on the way, and appends the trailer when all of it was right. */
async function* withTrailer(body: AsyncIterable<Uint8Array>, announced: MediaContent): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let received = 0
  for await (const chunk of body) {
    received += chunk.byteLength
    if (received > announced.bytes) throw tooLong(announced.bytes)
    hash.update(chunk)
    yield chunk
  }
  if (received < announced.bytes) {
    throw new DomainError('validation', `The upload ended after ${received} of ${announced.bytes} bytes.`)
  }
  if (hash.digest('hex') !== announced.sha256) {
    throw new DomainError('validation', 'The SHA-256 of the upload is not the announced one.')
  }
  yield encodeTrailer(announced)
}

/** Writes a new file and brings it to the disk. Small chunks are written together. */
async function writeDurably(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx')
  try {
    let batch: Uint8Array[] = []
    let size = 0
    for await (const chunk of chunks) {
      batch.push(chunk)
      size += chunk.byteLength
      if (size < WRITE_BATCH_BYTES) continue
      await file.writev(batch)
      batch = []
      size = 0
    }
    await file.writev(batch)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The refusal of an upload that is longer than announced. */
export function tooLong(bytes: number): DomainError {
  return new DomainError('payload_too_large', `The upload is longer than the announced ${bytes} bytes.`)
}

function assertGrantable(
  { key, contentType, expiresAt }: { key: string; contentType: string; expiresAt: Date },
  now: Date,
) {
  assertMediaKey(key)
  assertStoredContentType(contentType)
  lifetimeSeconds(now, expiresAt)
}

const wholeSecond = (instant: Date): Date => fromWholeSeconds(toWholeSeconds(instant))

function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}
