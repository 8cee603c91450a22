import { createHash, randomUUIDv7 } from 'node:crypto'
import { Slots } from '@platform/events/waiting.ts'
import type { Db, UploadRow } from '../db/schema.ts'
import { mediaKey } from '../media/store/media-key.ts'
import type { MediaStore } from '../media/store/media-store.ts'
import { deriveThumbnail, MAX_PHOTO_BYTES, THUMBNAIL_CONTENT_TYPE } from '../media/thumbnails.ts'
import type { ReadyMedia } from './ready-capture.ts'

export interface DeriveDeps {
  db: Db
  store: MediaStore
  clock: () => Date
  /** How long the thumbnail is kept without a moment that has it. */
  uploadMinutes: number
}

// Each holds a photo of up to 25 MB and its pixels.
const slots = new Slots(2)

/**
 * Derives a thumbnail of an uploaded photo and stores it.
 *
 * Before the object is written, it is registered as an upload. A crash at any point leaves at most an upload that no moment
 * names, and the cleaner deletes it with its object. The moment's transaction claims it like any upload, so that no row
 * can point to a missing object.
 *
 * @returns undefined when the photo cannot be decoded or is too large
 */
export async function storeThumbnail(deps: DeriveDeps, photo: UploadRow): Promise<ReadyMedia | undefined> {
  if (photo.bytes > MAX_PHOTO_BYTES) return undefined
  return slots.run(async () => {
    const content = await deps.store.read(photo.object_key, MAX_PHOTO_BYTES)
    const thumbnail = content && (await deriveThumbnail(content))
    if (!thumbnail) return undefined
    const { bytes, thumbHash } = thumbnail
    const id = randomUUIDv7()
    const [robotId = '', groupId = ''] = photo.object_key.split('/')
    const object_key = mediaKey({ robotId, groupId, mediaId: id })
    const file = {
      kind: 'thumbnail' as const,
      content_type: THUMBNAIL_CONTENT_TYPE,
      bytes: bytes.byteLength,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      object_key,
    }
    const now = deps.clock()
    const url_expires_at = new Date(now.getTime() + deps.uploadMinutes * 60_000)
    await deps.db
      .insertInto('upload')
      .values({ id, robot_id: photo.robot_id, ...file, url_expires_at, created_at: now })
      .execute()
    await deps.store.write(object_key, bytes, THUMBNAIL_CONTENT_TYPE)
    return { id, ...file, uri: null, thumb_hash: thumbHash }
  })
}
