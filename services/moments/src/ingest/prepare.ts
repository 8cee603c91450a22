import { randomUUIDv7 } from 'node:crypto'
import { Slots } from '@platform/events/waiting.ts'
import { sql } from 'kysely'
import type { UploadRow } from '../db/schema.ts'
import { type CheckedCapture, type HostedFile, isUploaded } from './capture.ts'
import { type DeriveDeps, storeThumbnail } from './derive.ts'
import type { ReadyCapture, ReadyMedia } from './ready-capture.ts'
import { claimableUpload, verifyUpload } from './verify-upload.ts'

// Requests to the store at once, for one batch of captures.
const CONCURRENCY = 8

/**
 * Does what must not happen inside a transaction: checks uploads in the store, and derives thumbnails.
 *
 * @throws DomainError `conflict` when an upload is missing or is not the announced file
 */
export async function prepareCaptures(deps: DeriveDeps, captures: CheckedCapture[]): Promise<ReadyCapture[]> {
  const uploadIds = captures.flatMap(({ files }) => files.filter(isUploaded).map(({ uploadId }) => uploadId))
  if (uploadIds.length === 0) return captures.map((capture) => ({ ...capture, media: hostedMedia(capture) }))
  const withUploads = captures.filter(({ files }) => files.some(isUploaded))
  const [uploads, known] = await Promise.all([findUploads(deps, uploadIds), findKnown(deps, withUploads)])
  const slots = new Slots(CONCURRENCY)
  return Promise.all(
    captures.map(async (capture) => {
      // A capture that is sent again names uploads that its moment has.
      if (known.has(placeOf(capture))) return { ...capture, media: undefined }
      return { ...capture, media: await slots.run(() => prepareMedia(deps, capture, uploads)) }
    }),
  )
}

async function prepareMedia(
  deps: DeriveDeps,
  { robotId, files }: CheckedCapture,
  uploads: ReadonlyMap<string, UploadRow>,
): Promise<ReadyMedia[]> {
  const media: ReadyMedia[] = []
  let photo: UploadRow | undefined
  for (const file of files) {
    if (!isUploaded(file)) {
      media.push(toHostedMedia(file))
      continue
    }
    const upload = claimableUpload(uploads, file, robotId)
    await verifyUpload(deps.store, upload)
    if (upload.kind === 'image') photo ??= upload
    media.push(toStoredMedia(upload))
  }
  if (!photo || files.some(({ kind }) => kind === 'thumbnail')) return media
  const thumbnail = await storeThumbnail(deps, photo)
  if (!thumbnail) return media
  const { thumb_hash } = thumbnail
  return [...media.map((each) => (each.id === photo.id ? { ...each, thumb_hash } : each)), thumbnail]
}

const hostedMedia = ({ files }: CheckedCapture): ReadyMedia[] =>
  files.flatMap((file) => (isUploaded(file) ? [] : [toHostedMedia(file)]))

function toHostedMedia({ kind, uri, contentType, bytes, sha256 }: HostedFile): ReadyMedia {
  return { id: randomUUIDv7(), kind, content_type: contentType, bytes, sha256, object_key: null, uri, thumb_hash: null }
}

function toStoredMedia({ id, kind, content_type, bytes, sha256, object_key }: UploadRow): ReadyMedia {
  return { id, kind, content_type, bytes, sha256, object_key, uri: null, thumb_hash: null }
}

async function findUploads({ db }: DeriveDeps, ids: string[]): Promise<Map<string, UploadRow>> {
  const rows = await db.selectFrom('upload').selectAll().where('id', '=', sql<string>`any (${ids})`).execute()
  return new Map(rows.map((row) => [row.id, row]))
}

async function findKnown({ db }: DeriveDeps, captures: CheckedCapture[]): Promise<Set<string>> {
  const robotIds = captures.map(({ robotId }) => robotId)
  const sourceIds = captures.map(({ sourceId }) => sourceId)
  const { rows } = await sql<{ robotId: string; sourceId: string }>`
    select moment.robot_id as "robotId", moment.source_id as "sourceId"
    from unnest(${robotIds}::uuid[], ${sourceIds}::text[]) as given(robot_id, source_id)
    join moment using (robot_id, source_id)`.execute(db)
  return new Set(rows.map(placeOf))
}

/** Identifies a capture. */
export const placeOf = ({ robotId, sourceId }: { robotId: string; sourceId: string }): string =>
  `${robotId} ${sourceId}`
