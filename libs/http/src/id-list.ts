import { Type } from 'typebox'
import { DomainError } from './errors.ts'
import { isUuid } from './schemas.ts'

/** How many ids a list may have. */
export const MAX_IDS = 100

/** Several ids in one parameter of a query. */
export const IdList = Type.String({
  minLength: 36,
  maxLength: 37 * MAX_IDS,
  description: `1 to ${MAX_IDS} ids, with commas between.`,
})

/**
 * @param field its name, for the message, such as `query.postIds`
 * @returns each id once, in lower case, in the order given
 * @throws DomainError `validation`
 */
export function readIds(text: string, field: string): string[] {
  const ids = [...new Set(text.split(',').map((id) => id.trim().toLowerCase()))]
  if (ids.length > MAX_IDS || !ids.every(isUuid)) {
    throw new DomainError('validation', `${field} must be 1 to ${MAX_IDS} UUIDs with commas between`)
  }
  return ids
}
