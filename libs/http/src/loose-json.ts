import JSON5 from 'json5'
import { DomainError } from './errors.ts'

/** In characters. JSON5 takes a hundred times as long as JSON, and whoever writes by hand does not write much. */
const LONGEST_LOOSE = 65_536

/**
 * Reads JSON, or, of what is short, the looser form with single quotes that the first documentation of the jobs shows.
 *
 * @throws DomainError `validation`
 */
export function parseLooseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Perhaps the looser form.
  }
  try {
    if (text.length <= LONGEST_LOOSE) return JSON5.parse(text)
  } catch {
    // Neither.
  }
  throw new DomainError('validation', 'body is not valid JSON')
}
