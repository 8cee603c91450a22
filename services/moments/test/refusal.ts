import { DomainError } from '@platform/http/errors.ts'

/** The refusal of a filter value that cannot be read. */
export const BAD_REQUEST = { code: 'validation', status: 400 }

/** Returns the code and status of the DomainError that `parse` throws. @throws Error when `parse` returns */
export function refusal(parse: () => unknown): { code: string; status: number } {
  try {
    parse()
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, status: error.status }
    throw error
  }
  throw new Error('The text was not refused.')
}
