/**
 * Types that an answer may carry. A browser runs none of them as a page; HTML, SVG and every type that is unknown here are
 * stored as bytes without a meaning.
 */
const SERVED_CONTENT_TYPES: ReadonlySet<string> = new Set([
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/gif',
  'image/avif',
  'image/heic',
  'video/mp4',
  'video/webm',
  'video/quicktime',
  'audio/mpeg',
  'audio/mp4',
  'audio/ogg',
  'audio/wav',
  'application/json',
  'text/plain',
])

/** The type of bytes that no client should interpret. */
export const OPAQUE_CONTENT_TYPE = 'application/octet-stream'

/** True for a type that is stored and served under its own name, written exactly so: lower case, without parameters. */
export function isServedContentType(contentType: string): boolean {
  return SERVED_CONTENT_TYPES.has(contentType)
}

/**
 * Returns the type under which an announced file is stored: its own in lower case and without parameters, or
 * `application/octet-stream` for a type that is not served.
 */
export function toStoredContentType(announced: string): string {
  const [type = ''] = announced.split(';', 1)
  const normal = type.trim().toLowerCase()
  return isServedContentType(normal) ? normal : OPAQUE_CONTENT_TYPE
}

/** @throws Error for a type that did not go through `toStoredContentType`: a fault of the caller, not of a client */
export function assertStoredContentType(contentType: string): void {
  if (contentType === OPAQUE_CONTENT_TYPE || isServedContentType(contentType)) return
  throw new Error('A media object needs a content type of the allow-list.')
}
