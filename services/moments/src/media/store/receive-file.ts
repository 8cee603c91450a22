import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { DomainError } from '@platform/http/errors.ts'
import { BUFFER_BYTES, giveBackBuffer, takeBuffer } from './buffers.ts'
import type { MediaContent } from './media-store.ts'
import { encodeTrailer, TRAILER_BYTES } from './object-file.ts'

/**
 * Writes an upload into a new file, with its trailer, and brings it to the disk. The body is left open when it is
 * refused, so that the refusal can still be answered.
 *
 * @throws DomainError payload_too_large for more bytes; validation for fewer bytes or another SHA-256
 */
export async function receiveFile(path: string, body: Readable, announced: MediaContent): Promise<void> {
  const file = await open(path, 'wx')
  const buffer = takeBuffer()
  try {
    const writer = new CheckedWriter(file, buffer, announced)
    await consume(body, (chunk) => writer.add(chunk))
    await writer.finish()
    await file.sync()
  } finally {
    giveBackBuffer(buffer)
    await file.close()
  }
}

/** The refusal of an upload that is longer than announced. */
export function tooLong(bytes: number): DomainError {
  return new DomainError('payload_too_large', `The upload is longer than the announced ${bytes} bytes.`)
}

/** Collects chunks in one buffer, and writes and hashes it whenever it is full. */
class CheckedWriter {
  readonly #file: FileHandle
  readonly #buffer: Buffer
  readonly #announced: MediaContent
  readonly #hash = createHash('sha256')
  #received = 0
  #filled = 0

  constructor(file: FileHandle, buffer: Buffer, announced: MediaContent) {
    this.#file = file
    this.#buffer = buffer
    this.#announced = announced
  }

  /** Returns a promise only when the next chunk has to wait. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    this.#received += chunk.byteLength
    if (this.#received > this.#announced.bytes) throw tooLong(this.#announced.bytes)
    if (chunk.byteLength > BUFFER_BYTES - this.#filled) return this.#addInParts(chunk)
    this.#buffer.set(chunk, this.#filled)
    this.#filled += chunk.byteLength
    return undefined
  }

  /** Checks the whole, and writes what is left together with the trailer. */
  async finish(): Promise<void> {
    const { bytes, sha256 } = this.#announced
    if (this.#received < bytes) {
      throw new DomainError('validation', `The upload ended after ${this.#received} of ${bytes} bytes.`)
    }
    this.#hash.update(this.#buffer.subarray(0, this.#filled))
    if (this.#hash.digest('hex') !== sha256) {
      throw new DomainError('validation', 'The SHA-256 of the upload is not the announced one.')
    }
    this.#buffer.set(encodeTrailer(this.#announced), this.#filled)
    await writeAll(this.#file, this.#buffer.subarray(0, this.#filled + TRAILER_BYTES))
  }

  async #addInParts(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#filled === BUFFER_BYTES) await this.#flush()
      const part = chunk.subarray(at, at + BUFFER_BYTES - this.#filled)
      this.#buffer.set(part, this.#filled)
      this.#filled += part.byteLength
      at += part.byteLength
    }
  }

  async #flush(): Promise<void> {
    const part = this.#buffer.subarray(0, this.#filled)
    this.#filled = 0
    // The hash is computed while another thread writes.
    const writing = writeAll(this.#file, part)
    this.#hash.update(part)
    await writing
  }
}

/** A write may take less than it was given. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) at += (await file.write(bytes, at)).bytesWritten
}

/**
 * Gives all chunks of a stream to `handle`, one after the other. Events are faster than the stream's iterator, which
 * copies chunks that came together, and they let the stream live on after an error of `handle`.
 */
function consume(source: Readable, handle: (chunk: Uint8Array) => Promise<void> | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending: Promise<void> | undefined
    const settle = (error?: unknown) => {
      source.off('data', onData).off('end', onEnd).off('error', settle).off('close', onClose)
      if (error !== undefined) source.pause()
      const finish = () => (error === undefined ? resolve() : reject(error))
      // The end, and an abort, may come while a chunk is still being written: its buffer and its file have to wait.
      if (pending) pending.then(finish, (failure) => reject(error ?? failure))
      else finish()
    }
    const onEnd = () => settle()
    const onClose = () => settle(new Error('The stream was closed before its end.'))
    const onData = (chunk: Uint8Array) => {
      try {
        pending = handle(chunk)
        if (!pending) return
        source.pause()
        pending.then(() => {
          pending = undefined
          source.resume()
        }, settle)
      } catch (error) {
        settle(error)
      }
    }
    source.on('data', onData).on('end', onEnd).on('error', settle).on('close', onClose)
  })
}
