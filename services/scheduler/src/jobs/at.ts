/** An instant, and how its owner writes it. */
export interface JobTime {
  instant: Date
  /** East of UTC. */
  offsetMinutes: number
}

// ISO 8601, with a blank for the T, a blank before the offset, any fraction; `2011-01-31 18:36:21 -0800` is one of them.
// A plus that nobody escaped has become a blank on its way.
const FORMAT =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|UTC|GMT|([+ -]?)(\d\d):?(\d\d)?)?$/i

/**
 * Reads a job's time.
 *
 * @param zone IANA name; what a time without an offset is in. A time that a clock change skips moves on by the gap, of
 *   one that is there twice the first is taken.
 * @returns undefined for a text that is no time
 */
export function parseJobTime(text: string, zone: string): JobTime | undefined {
  const match = FORMAT.exec(text.trim())
  if (!match) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = match
  let local: Temporal.PlainDateTime
  try {
    local = Temporal.PlainDateTime.from(
      {
        year: Number(year),
        month: Number(month),
        day: Number(day),
        hour: Number(hour),
        minute: Number(minute),
        second: Number(second),
        millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
      },
      { overflow: 'reject' },
    )
  } catch {
    return undefined
  }
  if (offset === undefined) {
    const zoned = local.toZonedDateTime(zone, { disambiguation: 'compatible' })
    return { instant: new Date(zoned.epochMilliseconds), offsetMinutes: zoned.offsetNanoseconds / 60e9 }
  }
  const offsetMinutes = readOffset(match[9], match[10], match[11])
  if (offsetMinutes === undefined) return undefined
  const utc = local.toZonedDateTime('UTC').epochMilliseconds
  return { instant: new Date(utc - offsetMinutes * 60_000), offsetMinutes }
}

function readOffset(sign: string | undefined, hours: string | undefined, minutes = '0'): number | undefined {
  if (hours === undefined) return 0
  const size = Number(hours) * 60 + Number(minutes)
  if (Number(minutes) > 59 || size > 14 * 60) return undefined
  return sign === '-' ? -size : size
}

/** The same instant, as the API has always written it: `2011-01-31 18:36:21 -0800`. */
export function formatJobTime({ instant, offsetMinutes }: JobTime): string {
  const local = new Date(instant.getTime() + offsetMinutes * 60_000).toISOString()
  const size = Math.abs(offsetMinutes)
  const hours = String(Math.floor(size / 60)).padStart(2, '0')
  const minutes = String(Math.floor(size % 60)).padStart(2, '0')
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${offsetMinutes < 0 ? '-' : '+'}${hours}${minutes}`
}

/** How far a zone is from UTC at an instant, in minutes. */
export function offsetOf(instant: Date, zone: string): number {
  return Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(zone).offsetNanoseconds / 60e9
}

/** Whether a text names a time zone; offsets such as +01:00 are none. */
export function isTimeZone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
