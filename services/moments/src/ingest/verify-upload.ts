import { DomainError } from '@platform/http/errors.ts'
import type { UploadRow } from '../db/schema.ts'
import { matchesContentType, SNIFF_BYTES } from '../media/sniff.ts'
import type { MediaStore } from '../media/store/media-store.ts'
import type { UploadedFile } from './capture.ts'

/**
 * Returns the upload that a capture names, after comparing it with the announcement.
 *
 * @throws DomainError `conflict` when the upload cannot be this robot's file: unknown, used, of another kind
 */
export function claimableUpload(
  uploads: ReadonlyMap<string, UploadRow>,
  { uploadId, kind }: UploadedFile,
  robotId: string,
): UploadRow {
  const upload = uploads.get(uploadId)
  // Another robot's upload is refused like an unknown one, so that ids cannot be probed.
  if (upload?.robot_id !== robotId || upload.abandoned_at !== null) {
    throw new DomainError('conflict', `The robot has no upload ${uploadId}.`)
  }
  if (upload.moment_id !== null) throw uploadUsed(uploadId)
  if (upload.kind !== kind) throw new DomainError('conflict', `The upload ${uploadId} was announced as ${upload.kind}.`)
  return upload
}

/** The refusal of an upload that another moment has. */
export function uploadUsed(uploadId: string): DomainError {
  return new DomainError('conflict', `The upload ${uploadId} belongs to a moment already.`)
}

/**
 * Compares the stored object with the announcement.
 *
 * @throws DomainError `conflict` when it is missing or differs, or when its first bytes show another type
 */
export async function verifyUpload(store: MediaStore, upload: UploadRow): Promise<void> {
  const { id, object_key, content_type, bytes, sha256 } = upload
  const stored = await store.head(object_key)
  if (!stored) throw new DomainError('conflict', `The upload ${id} has not arrived.`)
  if (stored.bytes !== bytes || stored.sha256 !== sha256) {
    throw new DomainError('conflict', `The upload ${id} is not the announced file.`)
  }
  const firstBytes = await store.read(object_key, SNIFF_BYTES)
  if (!firstBytes) throw new DomainError('conflict', `The upload ${id} has not arrived.`)
  if (!matchesContentType(firstBytes, content_type)) {
    throw new DomainError('conflict', `The upload ${id} is no ${content_type}.`)
  }
}
