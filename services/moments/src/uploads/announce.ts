import { randomUUIDv7 } from 'node:crypto'
import { DomainError } from '@platform/http/errors.ts'
import type { Db, MediaKind } from '../db/schema.ts'
import { mediaKey } from '../media/store/media-key.ts'
import type { MediaStore, PresignedUpload } from '../media/store/media-store.ts'
import { findErasedRobots } from '../robots/erased-robots.ts'
import { UPLOAD_LIMITS } from './limits.ts'

/** A file that a robot is about to upload. */
export interface AnnouncedFile {
  kind: MediaKind
  contentType: string
  bytes: number
  /** Lower-case hexadecimal. */
  sha256: string
}

export interface Upload extends PresignedUpload {
  uploadId: string
}

export interface AnnounceDeps {
  db: Db
  store: MediaStore
  clock: () => Date
  uploadMinutes: number
}

/**
 * Registers uploads and signs a URL for each. The rows are committed before the URLs are known to anyone: an object never
 * exists without a row.
 *
 * @throws DomainError `validation` with a message for each file of a wrong size or type; `gone` for a robot that was
 *   erased with its user
 */
export async function announceUploads(
  { db, store, clock, uploadMinutes }: AnnounceDeps,
  robotId: string,
  files: AnnouncedFile[],
): Promise<Upload[]> {
  refuseWrongFiles(files)
  if ((await findErasedRobots(db, [robotId])).size > 0) {
    throw new DomainError('gone', 'The robot was erased with its user.')
  }
  const now = clock()
  const url_expires_at = new Date(now.getTime() + uploadMinutes * 60_000)
  const groupId = randomUUIDv7()
  const rows = files.map(({ kind, contentType, bytes, sha256 }) => {
    const id = randomUUIDv7()
    const object_key = mediaKey({ robotId, groupId, mediaId: id })
    const file = { kind, content_type: contentType, bytes, sha256, object_key }
    return { id, robot_id: robotId, ...file, url_expires_at, created_at: now }
  })
  await db.insertInto('upload').values(rows).execute()
  return Promise.all(
    rows.map(async ({ id, object_key: key, content_type: contentType, bytes, sha256 }) => ({
      uploadId: id,
      ...(await store.presignUpload({ key, contentType, bytes, sha256, expiresAt: url_expires_at })),
    })),
  )
}

function refuseWrongFiles(files: AnnouncedFile[]): void {
  const messages = files.flatMap(({ kind, contentType, bytes }, i) => {
    const { maxBytes, contentTypes } = UPLOAD_LIMITS[kind]
    return [
      ...(bytes > maxBytes ? [`body.files.${i}.bytes must be at most ${maxBytes} for ${kind}`] : []),
      ...(contentTypes.includes(contentType)
        ? []
        : [`body.files.${i}.contentType must be one of ${contentTypes.join(', ')} for ${kind}`]),
    ]
  })
  if (messages.length > 0) throw new DomainError('validation', 'The files cannot be uploaded.', { messages })
}
