import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { Logger } from '@platform/log/logger.ts'
import { assertStoredContentType } from '../content-types.ts'
import { moveInto, removeDurably } from './durable.ts'
import { newIncomingPath, removeAbandoned } from './incoming.ts'
import { fromWholeSeconds, lifetimeSeconds, toWholeSeconds } from './lifetime.ts'
import { assertMediaKey } from './media-key.ts'
import type { ListedObject, MediaContent, MediaStore } from './media-store.ts'
import { type OpenObject, openObject } from './object-file.ts'
import { receiveFile } from './receive-file.ts'
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
  receive(body: Readable, upload: SignedUpload): Promise<void>
  /** Opens an object for reading; the caller closes it. */
  open(key: string): Promise<OpenObject | undefined>
}

const SWEEP_EVERY_MS = 600_000
// An upload writes all the time; a file that has not changed for so long has lost its writer.
const STALE_MS = 3_600_000

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
  const receive = async (body: Readable, upload: SignedUpload) => {
    const target = pathOf(upload.key)
    const temporary = newIncomingPath(incoming)
    try {
      await receiveFile(temporary, body, upload)
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
      await receive(Readable.from([body]), { key, ...content })
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
