/** The reading of a wall clock at one instant. The strings are fit for PostgreSQL's `date`, `time` and `timestamp`. */
export interface WallClock {
  /** `YYYY-MM-DD` */
  localDate: string
  /** `HH:MM:SS`; a fraction of a second is cut off, never rounded up. */
  localTime: string
  /** `YYYY-MM-DD HH:MM:SS`, followed by `.mmm` unless the milliseconds are zero. */
  localAt: string
  /** Hour of the local day, 0 to 23. */
  hour: number
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n

/**
 * Returns the date and time that a clock on the wall of `timeZone` shows at `instant`. When clocks go back, two instants
 * have the same reading; when they go forward, no instant has a skipped reading.
 *
 * Nothing is cached per zone: `Temporal` itself computes some hundred thousand readings a second.
 *
 * @param timeZone IANA name in any letter case, see `normalizeTimeZone`
 * @throws RangeError on an unknown zone, an offset, an invalid date, or a local year outside 1 to 9999: callers validate
 *   first, so this is a bug
 */
export function wallClockAt(instant: Date, timeZone: string): WallClock {
  const local = toZoned(instant.getTime(), timeZone)
  if (isOffset(local.timeZoneId)) throw new RangeError(`${timeZone} is an offset, not a time zone`)
  if (local.year < 1 || local.year > 9999) throw new RangeError('The local year must be 1 to 9999')
  const text = local.toPlainDateTime().toString({ smallestUnit: local.millisecond === 0 ? 'second' : 'millisecond' })
  const localDate = text.slice(0, 10)
  return { localDate, localTime: text.slice(11, 19), localAt: `${localDate} ${text.slice(11)}`, hour: local.hour }
}

/**
 * Returns the IANA name in its canonical letter case (`europe/paris` becomes `Europe/Paris`), or undefined when Node's
 * time-zone data has no such zone. Store this spelling, not the caller's: PostgreSQL and `Intl` read it too.
 *
 * A link keeps its own name (`Asia/Calcutta` does not become `Asia/Kolkata`), so a client reads back the zone that it
 * set. An offset such as `+02:00` is refused, because it does not follow the clock changes of a place. `UTC` and
 * `Etc/GMT-2` are IANA names and are accepted.
 */
export function normalizeTimeZone(text: string): string | undefined {
  try {
    const { timeZoneId } = toZoned(0, text)
    return isOffset(timeZoneId) ? undefined : timeZoneId
  } catch {
    // Temporal has no other way to ask whether a zone exists.
    return undefined
  }
}

/** Returns true for an IANA name in any letter case, and false for offsets and unknown names. */
export function isKnownTimeZone(text: string): boolean {
  return normalizeTimeZone(text) !== undefined
}

// The constructor takes identifiers only. `toZonedDateTimeISO` also reads a zone out of a timestamp such as
// `2020-01-01T00:00Z`, so it would accept more than zone names.
function toZoned(epochMs: number, timeZone: string): Temporal.ZonedDateTime {
  return new Temporal.ZonedDateTime(BigInt(epochMs) * NANOSECONDS_PER_MILLISECOND, timeZone)
}

function isOffset(timeZoneId: string): boolean {
  return timeZoneId.startsWith('+') || timeZoneId.startsWith('-')
}
