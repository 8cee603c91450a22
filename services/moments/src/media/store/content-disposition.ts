import { OPAQUE_CONTENT_TYPE } from '../content-types.ts'

const MAX_NAME = 100
const FALLBACK_NAME = 'media'

/**
 * Returns a file name that no client takes for a path or a header of its own: without separators, control characters,
 * quotes, direction marks and leading dots.
 */
export function safeFileName(name: string): string {
  const safe = name
    .normalize('NFC')
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(/["'`/\\:*?<>|%;]/g, '_')
    .replace(/^[.\s]+/, '')
  return [...safe].slice(0, MAX_NAME).join('').trimEnd() || FALLBACK_NAME
}

/**
 * Returns the `Content-Disposition` of an answer: `inline`, and `attachment` for bytes of an unknown type. The name stands
 * in ASCII for old clients and, where that loses something, in UTF-8 (RFC 6266).
 */
export function contentDisposition(contentType: string, fileName = FALLBACK_NAME): string {
  const type = contentType === OPAQUE_CONTENT_TYPE ? 'attachment' : 'inline'
  const name = safeFileName(fileName)
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, '_')
  const plain = `${type}; filename="${ascii}"`
  return ascii === name ? plain : `${plain}; filename*=UTF-8''${encodeExtended(name)}`
}

// RFC 8187 allows fewer characters unencoded than encodeURIComponent leaves.
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replaceAll(/[()*!']/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
