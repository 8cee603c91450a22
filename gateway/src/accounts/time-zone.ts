import { DomainError } from '@platform/http/errors.ts'

/**
 * The IANA name of a time zone, in its usual case.
 *
 * @throws DomainError `validation`
 */
export function readTimeZone(name: string): string {
  try {
    // Intl takes offsets such as +01:00, too: those are no zones.
    if (!/^[A-Za-z]/.test(name)) throw new RangeError(name)
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions()
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name
  } catch {
    throw new DomainError('validation', 'body.timezone must be the IANA name of a time zone, such as Europe/Oslo')
  }
}
