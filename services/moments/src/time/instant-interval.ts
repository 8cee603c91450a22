import { DomainError } from '@platform/http/errors.ts'

/** A half-open interval `[from, until)` of instants. A bound is absent where the interval is open. */
export interface InstantInterval {
  from?: Date
  until?: Date
}

const OPEN = '..'
const NANOSECONDS_PER_MILLISECOND = 1_000_000n

// PostgreSQL documents 4713 BC as its first year; ISO 8601 counts a year 0, so that year is -4712. Its last year, 294276,
// lies beyond the last instant of a Date (September 275760), which Temporal refuses.
const FIRST_INSTANT = Temporal.Instant.from('-004712-01-01T00:00:00Z')

// Temporal reads more than ISO 8601: annotations such as `[Europe/Paris]` hold a slash, and their zone is ignored.
const DATE = String.raw`(?:\d{4}|[+-]\d{6})-\d\d-\d\d`
const TIME = String.raw`\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?`
const OFFSET = String.raw`(?:[Zz]|[+-]\d\d(?::?\d\d)?)`
const INSTANT = new RegExp(`^${DATE}[Tt ]${TIME}${OFFSET}$`)

/**
 * Parses `A/B`, the value of `filter[capturedAt]`: instants of ISO 8601 (and so of RFC 3339) with `Z` or an offset. `A`
 * is inclusive and `B` exclusive. Either side may be `..`, which leaves it open; `../..` restricts nothing. Equal sides
 * are an interval without an instant.
 *
 * Captures are kept to the millisecond, so a finer bound is rounded up to the next one, which selects the same captures.
 * A leap second (`23:59:60`) counts as the second before it.
 *
 * @throws DomainError validation, on any other text, when `A` is after `B`, or on an instant before 4713 BC or after a
 *   Date's last one (September 275760), which are the limits of PostgreSQL and Node
 */
export function parseInstantInterval(text: string): InstantInterval {
  const sides = text.split('/')
  const [start, end] = sides
  if (sides.length !== 2 || start === undefined || end === undefined) throw notAnInterval()
  const from = parseBound(start)
  const until = parseBound(end)
  if (from && until && Temporal.Instant.compare(from, until) > 0) {
    throw new DomainError('validation', 'query.filter[capturedAt] must not start after its end')
  }
  return { ...(from && { from: toDate(from) }), ...(until && { until: toDate(until) }) }
}

function parseBound(text: string): Temporal.Instant | undefined {
  if (text === OPEN) return undefined
  if (!INSTANT.test(text)) throw notAnInterval()
  const instant = toInstant(text)
  if (Temporal.Instant.compare(instant, FIRST_INSTANT) < 0) throw notAnInterval()
  return instant
}

function toInstant(text: string): Temporal.Instant {
  try {
    return Temporal.Instant.from(text)
  } catch (cause) {
    // A day that the month does not have, or an instant beyond the range of a Date.
    throw notAnInterval(cause)
  }
}

function toDate({ epochNanoseconds }: Temporal.Instant): Date {
  const rounded = epochNanoseconds / NANOSECONDS_PER_MILLISECOND
  // The division of bigints cuts towards zero: it rounds down after 1970 and up before.
  const isBelow = rounded * NANOSECONDS_PER_MILLISECOND < epochNanoseconds
  return new Date(Number(isBelow ? rounded + 1n : rounded))
}

function notAnInterval(cause?: unknown): DomainError {
  return new DomainError(
    'validation',
    'query.filter[capturedAt] must be two instants with a slash between, such as 2026-01-31T17:00:00Z/2026-02-01T17:00:00Z; ' +
      'either may be "..", and the "+" of an offset must be sent as %2B',
    { cause },
  )
}
