import { DomainError } from '@platform/http/errors.ts'

const REVISION = /^"([1-9]\d{0,8})"$/

/**
 * Reads `If-Match`: one content revision in double quotes, or `*` for whatever there is. Weak tags, lists and bare
 * numbers are refused: a condition that was meant and is not understood must not be passed over.
 *
 * @returns the revision; undefined where any will do
 * @throws DomainError `validation`
 */
export function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined
  const [, revision] = REVISION.exec(header) ?? []
  if (revision === undefined) {
    throw new DomainError(
      'validation',
      'header.if-match must be a content revision in double quotes, such as "3", or *',
    )
  }
  return Number(revision)
}

/** The header that says which revision of the content an answer is about. */
export function revisionTag(contentRevision: number): { ETag: string } {
  return { ETag: `"${contentRevision}"` }
}
