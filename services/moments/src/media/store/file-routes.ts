import { DomainError } from '@platform/http/errors.ts'
import type { Express, Request, Response } from 'express'
import { type ByteRange, parseRange } from './byte-range.ts'
import { contentDisposition } from './content-disposition.ts'
import type { FileStore } from './file-store.ts'
import type { OpenObject } from './object-file.ts'
import { tooLong } from './receive-file.ts'
import { sendFile } from './send-file.ts'
import { MEDIA_FILES_PATH, type SignedRead } from './signed-urls.ts'

/**
 * Mounts `PUT`, `GET` and `HEAD /media-files/KEY`, which serve the URLs that the store has signed. The signature is the
 * only credential. Errors are thrown as DomainError, for the app's own error handler.
 */
export function mountFileRoutes(app: Express, store: FileStore): void {
  app.use(async (req, res, next) => {
    // The target as it was sent: Express decodes and normalises what it matches.
    const target = req.originalUrl
    if (!target.startsWith(MEDIA_FILES_PATH)) return next()
    if (req.method === 'PUT') return await receiveUpload(store, req, res)
    if (req.method === 'GET' || req.method === 'HEAD') return await sendObject(store, req, res)
    throw new DomainError('not_found', 'Media files are read by GET and HEAD, and uploaded by PUT.', {
      headers: { Allow: 'GET, HEAD, PUT' },
    })
  })
}

async function receiveUpload(store: FileStore, req: Request, res: Response): Promise<void> {
  const upload = store.urls.verifyUpload(req.originalUrl, store.clock())
  if (req.get('content-type') !== upload.contentType) {
    throw new DomainError('forbidden', `The upload needs the header Content-Type: ${upload.contentType}.`)
  }
  const length = req.get('content-length')
  if (length !== undefined && Number(length) > upload.bytes) throw tooLong(upload.bytes)
  try {
    await store.receive(req, upload)
  } catch (error) {
    // A client that leaves in the middle gets no answer; the log has it as a refusal, not as a fault.
    if (req.destroyed && !req.complete)
      throw new DomainError('validation', 'The upload was interrupted.', { cause: error })
    throw error
  }
  res
    .status(200)
    .set({ ETag: etag(upload.sha256), 'Content-Length': '0' })
    .end()
}

async function sendObject(store: FileStore, req: Request, res: Response): Promise<void> {
  const now = store.clock()
  const read = store.urls.verifyRead(req.originalUrl, now)
  const object = await store.open(read.key)
  if (!object) throw new DomainError('not_found', 'The media file does not exist.')
  try {
    const isUnchanged = isCached(req, object)
    const range = isUnchanged ? undefined : rangeOf(req, object)
    res.set(headersOf(object, read, now))
    if (isUnchanged) return void res.status(304).end()
    if (range) res.set('Content-Range', `bytes ${range.start}-${range.end}/${object.bytes}`)
    const { start, end } = range ?? { start: 0, end: object.bytes - 1 }
    res.status(range ? 206 : 200).set('Content-Length', String(end - start + 1))
    if (req.method === 'HEAD' || object.bytes === 0) return void res.end()
    await sendFile(object.file, { start, end }, res)
  } finally {
    await object.file.close()
  }
}

function headersOf({ sha256 }: OpenObject, { contentType, fileName, expiresAt }: SignedRead, now: Date) {
  return {
    'Content-Type': contentType,
    'Content-Disposition': contentDisposition(contentType, fileName),
    'X-Content-Type-Options': 'nosniff',
    // Even a file that a browser would run could do nothing here.
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cache-Control': `private, max-age=${Math.floor((expiresAt.getTime() - now.getTime()) / 1_000)}`,
    'Accept-Ranges': 'bytes',
    ETag: etag(sha256),
  }
}

const etag = (sha256: string): string => `"${sha256}"`

function isCached(req: Request, { sha256 }: OpenObject): boolean {
  const header = req.get('if-none-match')
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag(sha256))
}

/** @throws DomainError with status 416 for a range outside the content */
function rangeOf(req: Request, { bytes, sha256 }: OpenObject): ByteRange | undefined {
  const condition = req.get('if-range')
  if (condition !== undefined && condition !== etag(sha256)) return undefined
  const range = parseRange(req.get('range'), bytes)
  if (range !== 'unsatisfiable') return range
  throw new DomainError('validation', `The range is outside of the ${bytes} bytes of the media file.`, {
    status: 416,
    headers: { 'Content-Range': `bytes */${bytes}` },
  })
}
