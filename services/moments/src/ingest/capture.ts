import type { Capture } from '@platform/contracts/robots.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { MediaKind } from '../db/schema.ts'
import { normalizeTimeZone } from '../time/wall-clock.ts'

/** A file that the robot uploaded to our store. */
export interface UploadedFile {
  kind: MediaKind
  uploadId: string
}

/** A file that the robot hosts elsewhere. */
export interface HostedFile {
  kind: MediaKind
  uri: string
  contentType: string | null
  bytes: number | null
  sha256: string | null
}

export type CapturedFile = UploadedFile | HostedFile

/** A capture after its checks. */
export interface CheckedCapture {
  robotId: string
  sourceId: string
  type: string
  title: string | null
  capturedAt: Date
  /** Undefined: the robot's present zone. */
  timeZone: string | undefined
  expiresAt: Date | null
  features: Record<string, number> | null
  files: CapturedFile[]
  /** The cause of the event that announces the moment. */
  cause: Cause
}

const DAY_MS = 86_400_000
// No robot is older, and PostgreSQL, JavaScript and clients agree on every date between.
const EARLIEST = new Date('1970-01-02T00:00:00Z')
const LATEST = new Date('9999-12-30T00:00:00Z')

export const isUploaded = (file: CapturedFile): file is UploadedFile => 'uploadId' in file

/**
 * Checks what the schema of a capture cannot say.
 *
 * @throws DomainError `validation`
 */
export function checkCapture(capture: Capture, cause: Cause): CheckedCapture {
  const { robotUUID, sourceId, type, title, features } = capture
  const capturedAt = readInstant(capture.capturedAt, 'capturedAt')
  if (capturedAt.getTime() > cause.at.getTime() + DAY_MS) {
    throw new DomainError('validation', 'body.capturedAt must be at most a day ahead')
  }
  return {
    robotId: robotUUID.toLowerCase(),
    sourceId,
    type,
    title: title ?? null,
    capturedAt,
    timeZone: capture.timeZone === undefined ? undefined : readTimeZone(capture.timeZone),
    expiresAt: capture.expiresAt === undefined ? null : readInstant(capture.expiresAt, 'expiresAt'),
    features: features ?? null,
    files: readFiles(capture.media),
    cause,
  }
}

function readInstant(text: string, field: string): Date {
  const instant = new Date(text)
  // The format also admits leap seconds, which a Date does not know, and the year 0, which PostgreSQL does not.
  if (!(instant >= EARLIEST && instant <= LATEST)) {
    throw new DomainError('validation', `body.${field} must be an instant between the years 1970 and 9999`)
  }
  return instant
}

function readTimeZone(text: string): string {
  const timeZone = normalizeTimeZone(text)
  if (timeZone === undefined) throw new DomainError('validation', 'body.timeZone must be an IANA time zone')
  return timeZone
}

function readFiles(media: Capture['media']): CapturedFile[] {
  const files = media.map(readFile)
  const uploadIds = files.filter(isUploaded).map(({ uploadId }) => uploadId)
  if (new Set(uploadIds).size < uploadIds.length) {
    throw new DomainError('validation', 'body.media must name each upload once')
  }
  return files
}

function readFile(
  { kind, uploadUUID, uri, contentType, bytes, sha256 }: Capture['media'][number],
  i: number,
): CapturedFile {
  if ((uploadUUID === undefined) === (uri === undefined)) {
    throw new DomainError('validation', `body.media.${i} must have either uploadUUID or uri`)
  }
  if (uploadUUID !== undefined) return { kind, uploadId: uploadUUID.toLowerCase() }
  if (uri === undefined || !URL.canParse(uri)) {
    throw new DomainError('validation', `body.media.${i}.uri must be a URL`)
  }
  return { kind, uri, contentType: contentType ?? null, bytes: bytes ?? null, sha256: sha256 ?? null }
}
