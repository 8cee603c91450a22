import { hash } from 'node:crypto'

/** The `ETag` of an answer that has no version of its own. Strong: the same tag means the same bytes. */
export function bodyTag(text: string): string {
  return `"${hash('sha256', text, 'base64url')}"`
}
