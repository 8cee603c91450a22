import { type FileHandle, open } from 'node:fs/promises'
import type { MediaContent } from './media-store.ts'
import { ignoreMissing } from './system-error.ts'

/**
 * An object is one file: its content, then a trailer of fixed length with the content's type and SHA-256. One rename
 * makes both appear together, and the content begins where other programs expect it.
 */

/** Length of the trailer. */
export const TRAILER_BYTES = 256

const MARK = 'media-object-1'

export function encodeTrailer({ contentType, sha256 }: Omit<MediaContent, 'bytes'>): Buffer {
  const text = `\n${JSON.stringify({ mark: MARK, contentType, sha256 })}`
  if (text.length >= TRAILER_BYTES) throw new Error('The content type is too long.')
  return Buffer.from(`${text.padEnd(TRAILER_BYTES - 1)}\n`)
}

/** An object that is open for reading. Deleting it meanwhile does not end the reading. */
export interface OpenObject extends MediaContent {
  file: FileHandle
}

/**
 * Opens an object's file; the caller closes `file`.
 *
 * @returns undefined when there is no such file
 * @throws Error when the file was not written by this store
 */
export async function openObject(path: string): Promise<OpenObject | undefined> {
  const file = await open(path).catch(ignoreMissing)
  if (!file) return undefined
  try {
    const { size } = await file.stat()
    const bytes = size - TRAILER_BYTES
    if (bytes < 0) throw new Error('A media file is too short to be an object.')
    const { buffer } = await file.read(Buffer.allocUnsafe(TRAILER_BYTES), 0, TRAILER_BYTES, bytes)
    return { file, bytes, ...decodeTrailer(buffer) }
  } catch (error) {
    await file.close()
    throw error
  }
}

function decodeTrailer(trailer: Buffer): Omit<MediaContent, 'bytes'> {
  const { mark, contentType, sha256 }: Record<string, unknown> = JSON.parse(trailer.toString())
  if (mark !== MARK || typeof contentType !== 'string' || typeof sha256 !== 'string') {
    throw new Error('A media file has no trailer of this store.')
  }
  return { contentType, sha256 }
}
