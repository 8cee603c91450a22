import { DomainError } from '@platform/http/errors.ts'

const SECONDS_PER_HOUR = 3_600
const SECONDS_PER_DAY = 86_400

/** A part of the local day: seconds since midnight, half-open, `0 <= startSecond < endSecond <= 86400`. */
export interface DaySegment {
  startSecond: number
  endSecond: number
}

/**
 * A half-open range `[start, end)` of the local day, repeated every day. It is about the reading of the wall clock: a
 * reading that occurs twice, when clocks go back, is in the range both times.
 */
export class LocalTimeRange {
  /** One segment, or two when the range crosses midnight. Ascending and disjoint; none is empty. */
  readonly segments: readonly DaySegment[]
  /** Each local hour (0 to 23) that the range touches, ascending, once: an index by local hour is scanned for these. */
  readonly hours: readonly number[]

  /**
   * @param startSecond seconds since local midnight, 0 to 86399
   * @param endSecond seconds since local midnight, 0 to 86400; before the start, the range crosses midnight; equal to
   *   the start, it is the whole day
   */
  constructor(startSecond: number, endSecond: number) {
    this.segments = toSegments(startSecond, endSecond)
    this.hours = Array.from({ length: 24 }, (_, hour) => hour).filter((hour) =>
      this.segments.some(
        (segment) => segment.startSecond < (hour + 1) * SECONDS_PER_HOUR && segment.endSecond > hour * SECONDS_PER_HOUR,
      ),
    )
  }

  /** Returns true when the range covers the second of the local day (0 to 86399; a fraction is allowed). */
  contains(secondOfDay: number): boolean {
    return this.segments.some(({ startSecond, endSecond }) => startSecond <= secondOfDay && secondOfDay < endSecond)
  }
}

/**
 * Parses `HH:MM:SS-HH:MM:SS` or `HH:MM-HH:MM`, the value of `filter[localTime]`. The end is exclusive and may be
 * `24:00:00`. A start after the end crosses midnight, and a start equal to the end is the whole day.
 *
 * @throws DomainError validation, on any other text
 */
export function parseLocalTimeRange(text: string): LocalTimeRange {
  const parts = text.split('-')
  const [start, end] = parts.map(toSecondOfDay)
  const isSameForm = parts.length === 2 && parts[0]?.length === parts[1]?.length
  if (!isSameForm || start === undefined || end === undefined || start === SECONDS_PER_DAY) {
    throw new DomainError(
      'validation',
      'query.filter[localTime] must be two local times with a hyphen between, such as 17:00:00-19:00:00',
    )
  }
  return new LocalTimeRange(start, end)
}

function toSegments(startSecond: number, endSecond: number): DaySegment[] {
  if (startSecond === endSecond) return [{ startSecond: 0, endSecond: SECONDS_PER_DAY }]
  if (startSecond < endSecond) return [{ startSecond, endSecond }]
  const untilMidnight = { startSecond, endSecond: SECONDS_PER_DAY }
  // A range that ends at 00:00:00 has no part in the next day.
  return endSecond === 0 ? [untilMidnight] : [{ startSecond: 0, endSecond }, untilMidnight]
}

/** Returns the second of the day, 86400 for `24:00:00`, or undefined when the text is not a time. */
function toSecondOfDay(text: string): number | undefined {
  const match = /^(?:([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?|24:00(?::00)?)$/.exec(text)
  if (!match) return undefined
  const [, hour, minute, second = '0'] = match
  return hour === undefined ? SECONDS_PER_DAY : Number(hour) * SECONDS_PER_HOUR + Number(minute) * 60 + Number(second)
}
