import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { LocalTimeRange, parseLocalTimeRange } from '../src/time/local-time-range.ts'
import { wallClockAt } from '../src/time/wall-clock.ts'
import { findClockChanges, intlClock } from './intl-clock.ts'
import { BAD_REQUEST, refusal } from './refusal.ts'

const ZONES = Intl.supportedValuesOf('timeZone')
const DAY_SECONDS = 86_400
const THIS_YEAR = new Date().getUTCFullYear()
const PERIOD = { from: Date.UTC(THIS_YEAR - 10, 0, 1), until: Date.UTC(THIS_YEAR + 3, 0, 1) }

const at = (text: string) => new Date(text)

function secondOf(localTime: string): number {
  const [hour = 0, minute = 0, second = 0] = localTime.split(':').map(Number)
  return hour * 3_600 + minute * 60 + second
}

function clockText(second: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  return `${two(second / 3_600)}:${two((second / 60) % 60)}:${two(second % 60)}`
}

/** Returns the ISO texts of the instants, one a minute, at which the zone's clock reads within the range. */
function matching(range: LocalTimeRange, timeZone: string, interval: { from: string; until: string }): string[] {
  const found: string[] = []
  for (let ms = Date.parse(interval.from); ms < Date.parse(interval.until); ms += 60_000) {
    const { localTime } = wallClockAt(new Date(ms), timeZone)
    if (range.contains(secondOf(localTime))) found.push(new Date(ms).toISOString().slice(0, 16))
  }
  return found
}

// By name: Temporal's errors are not instances of the RangeError that Jest gives to a test file.
const A_RANGE_ERROR = expect.objectContaining({ name: 'RangeError' })

describe('wallClockAt', () => {
  it('agrees with Intl in every zone, to the second, around each clock change of twelve years', () => {
    let changes = 0
    const wrong: string[] = []
    for (const timeZone of ZONES) {
      const clock = intlClock(timeZone)
      for (const change of findClockChanges(clock, PERIOD)) {
        changes++
        for (const second of [-3_601, -3_600, -2, -1, 0, 1, 2, 3_599, 3_600]) {
          const ms = change + second * 1_000
          const { localAt: _, ...reading } = wallClockAt(new Date(ms), timeZone)
          const { localDate, localTime, hour } = clock.read(ms)
          const isSame = reading.localDate === localDate && reading.localTime === localTime && reading.hour === hour
          if (!isSame)
            wrong.push(`${timeZone} ${new Date(ms).toISOString()}: ${reading.localDate} ${reading.localTime}`)
        }
      }
    }
    expect(wrong).toEqual([])
    // A hundred zones or so change their clocks twice a year: far fewer would mean that the search is broken.
    expect(changes).toBeGreaterThan(2_000)
  })

  it('agrees with Intl at any instant of twelve years in any zone', () => {
    const clocks = new Map(ZONES.map((timeZone) => [timeZone, intlClock(timeZone)]))
    fc.assert(
      fc.property(
        fc.constantFrom(...clocks),
        fc.integer({ min: PERIOD.from, max: PERIOD.until }),
        ([timeZone, clock], ms) => {
          const { localDate, localTime, hour } = wallClockAt(new Date(ms), timeZone)
          expect({ localDate, localTime, hour }).toEqual(clock.read(ms))
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('writes the same reading for a timestamp column, with milliseconds unless they are zero', () => {
    expect(wallClockAt(at('2026-07-01T15:04:05Z'), 'Europe/Berlin')).toEqual({
      localDate: '2026-07-01',
      localTime: '17:04:05',
      localAt: '2026-07-01 17:04:05',
      hour: 17,
    })
    expect(wallClockAt(at('2026-07-01T15:00:00.000Z'), 'Europe/Berlin').localAt).toBe('2026-07-01 17:00:00')
    expect(wallClockAt(at('2026-07-01T15:04:59.999Z'), 'Europe/Berlin')).toMatchObject({
      localTime: '17:04:59',
      localAt: '2026-07-01 17:04:59.999',
    })
    expect(wallClockAt(at('2026-07-01T15:04:05.500Z'), 'Europe/Berlin').localAt).toBe('2026-07-01 17:04:05.500')
    expect(wallClockAt(at('1969-12-31T23:59:59.999Z'), 'UTC').localAt).toBe('1969-12-31 23:59:59.999')
  })

  it('skips the readings of a spring gap and repeats those of an autumn overlap', () => {
    const reading = (text: string, timeZone: string) => wallClockAt(at(text), timeZone).localAt
    expect(reading('2026-03-29T00:59:59Z', 'Europe/Berlin')).toBe('2026-03-29 01:59:59')
    expect(reading('2026-03-29T01:00:00Z', 'Europe/Berlin')).toBe('2026-03-29 03:00:00')
    expect(reading('2026-10-25T00:30:00Z', 'Europe/Berlin')).toBe('2026-10-25 02:30:00')
    expect(reading('2026-10-25T01:30:00Z', 'Europe/Berlin')).toBe('2026-10-25 02:30:00')
    // Lord Howe Island moves its clocks by half an hour, and Samoa skipped a whole day.
    expect(reading('2026-04-04T14:59:59Z', 'Australia/Lord_Howe')).toBe('2026-04-05 01:59:59')
    expect(reading('2026-04-04T15:00:00Z', 'Australia/Lord_Howe')).toBe('2026-04-05 01:30:00')
    expect(reading('2011-12-30T09:59:59Z', 'Pacific/Apia')).toBe('2011-12-29 23:59:59')
    expect(reading('2011-12-30T10:00:00Z', 'Pacific/Apia')).toBe('2011-12-31 00:00:00')
  })

  it('reads the local years 1 and 9999, and rejects the years beside them', () => {
    expect(wallClockAt(at('0001-01-01T00:00:00Z'), 'UTC').localAt).toBe('0001-01-01 00:00:00')
    expect(wallClockAt(at('9999-12-31T23:59:59Z'), 'UTC').localAt).toBe('9999-12-31 23:59:59')
    expect(() => wallClockAt(at('0000-12-31T23:59:59Z'), 'UTC')).toThrow(A_RANGE_ERROR)
    expect(() => wallClockAt(at('9999-12-31T23:59:59Z'), 'Asia/Tokyo')).toThrow(A_RANGE_ERROR)
  })

  it('rejects an invalid date, an unknown zone and an offset', () => {
    expect(() => wallClockAt(new Date(Number.NaN), 'UTC')).toThrow(A_RANGE_ERROR)
    expect(() => wallClockAt(at('2026-01-01T00:00:00Z'), 'Mars/Olympus_Mons')).toThrow(A_RANGE_ERROR)
    expect(() => wallClockAt(at('2026-01-01T00:00:00Z'), '+02:00')).toThrow(A_RANGE_ERROR)
  })
})

describe('parseLocalTimeRange', () => {
  it.each([
    ['17:00:00-19:00:00', [[61_200, 68_400]], [17, 18]],
    ['17:00-19:00', [[61_200, 68_400]], [17, 18]],
    ['17:00:00-19:00:01', [[61_200, 68_401]], [17, 18, 19]],
    ['16:59:59-17:00:00', [[61_199, 61_200]], [16]],
    ['23:00:00-24:00:00', [[82_800, 86_400]], [23]],
    ['23:00-24:00', [[82_800, 86_400]], [23]],
    ['23:00:00-00:00:00', [[82_800, 86_400]], [23]],
    [
      '23:59:59-00:00:01',
      [
        [0, 1],
        [86_399, 86_400],
      ],
      [0, 23],
    ],
    [
      '22:30:00-01:15:00',
      [
        [0, 4_500],
        [81_000, 86_400],
      ],
      [0, 1, 22, 23],
    ],
    [
      '01:30:00-01:10:00',
      [
        [0, 4_200],
        [5_400, 86_400],
      ],
      Array.from({ length: 24 }, (_, hour) => hour),
    ],
    ['00:00:00-24:00:00', [[0, 86_400]], Array.from({ length: 24 }, (_, hour) => hour)],
    ['17:00:00-17:00:00', [[0, 86_400]], Array.from({ length: 24 }, (_, hour) => hour)],
    ['00:00-00:00', [[0, 86_400]], Array.from({ length: 24 }, (_, hour) => hour)],
  ])('reads %s', (text, segments, hours) => {
    const range = parseLocalTimeRange(text)
    expect(range.segments.map(({ startSecond, endSecond }) => [startSecond, endSecond])).toEqual(segments)
    expect(range.hours).toEqual(hours)
  })

  it.each([
    '',
    '-',
    '17:00:00',
    '17:00:00-',
    '-19:00:00',
    '17:00:00-19:00',
    '17:00-19:00:00',
    '17-19',
    '7:00-9:00',
    '17:00:00-19:00:60',
    '17:60:00-19:00:00',
    '24:00:00-01:00:00',
    '24:00:00-24:00:00',
    '23:00:00-24:00:01',
    '23:00-24:01',
    '25:00:00-26:00:00',
    '17:00:00-19:00:00-20:00:00',
    ' 17:00:00-19:00:00',
    '17:00:00-19:00:00\n',
    '17:00:00 - 19:00:00',
    '17:00:00/19:00:00',
    '17:00:00–19:00:00',
    '17:00:00.5-19:00:00',
    '١٧:٠٠:٠٠-١٩:٠٠:٠٠',
  ])('refuses %j as a bad request', (text) => {
    expect(refusal(() => parseLocalTimeRange(text))).toEqual(BAD_REQUEST)
  })

  it('refuses any text that is not two times, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\d:-]{0,20}$/)), (text) => {
        fc.pre(!/^\d\d:\d\d(:\d\d)?-\d\d:\d\d(:\d\d)?$/.test(text))
        expect(refusal(() => parseLocalTimeRange(text))).toEqual(BAD_REQUEST)
      }),
    )
  })
})

describe('LocalTimeRange', () => {
  /** The definition, read second by second: start to end, forwards, past midnight where the end is not after the start. */
  function coveredSeconds(start: number, end: number): Set<number> {
    const length = end > start ? end - start : end - start + DAY_SECONDS
    return new Set(Array.from({ length }, (_, second) => (start + second) % DAY_SECONDS))
  }

  const second = fc.oneof(
    fc.integer({ min: 0, max: DAY_SECONDS - 1 }),
    fc.integer({ min: 0, max: 23 }).map((hour) => hour * 3_600),
  )

  it('contains exactly the seconds from start to end, in ascending segments, and names exactly their hours', () => {
    fc.assert(
      fc.property(second, fc.oneof(second, fc.constant(DAY_SECONDS)), (start, end) => {
        const range = parseLocalTimeRange(`${clockText(start)}-${clockText(end)}`)
        const covered = coveredSeconds(start, end)
        const wrong: number[] = []
        for (let at = 0; at < DAY_SECONDS; at++) if (range.contains(at) !== covered.has(at)) wrong.push(at)
        expect(wrong).toEqual([])
        const bounds = range.segments.flatMap(({ startSecond, endSecond }) => [startSecond, endSecond])
        // Strictly ascending bounds: no segment is empty and no two touch.
        expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b))
        const hours = new Set([...covered].map((at) => Math.floor(at / 3_600)))
        expect(range.hours).toEqual([...hours].sort((a, b) => a - b))
      }),
      { numRuns: 40 },
    )
  })

  it('is half-open at the edges, a fraction of a second included', () => {
    const range = new LocalTimeRange(61_200, 68_400)
    expect([61_199, 61_199.999, 61_200, 68_399, 68_399.999, 68_400].map((at) => range.contains(at))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
    ])
    expect([-1, DAY_SECONDS].map((at) => new LocalTimeRange(0, 0).contains(at))).toEqual([false, false])
  })

  it('covers the complement when start and end change places', () => {
    fc.assert(
      fc.property(second, second, second, (start, end, at) => {
        fc.pre(start !== end)
        expect(new LocalTimeRange(start, end).contains(at)).toBe(!new LocalTimeRange(end, start).contains(at))
      }),
    )
  })

  it('matches 02:30 twice when clocks go back, and never when they go forward', () => {
    const range = parseLocalTimeRange('02:30:00-02:31:00')
    const onDay = (day: string) => matching(range, 'Europe/Berlin', { from: `${day}T00:00Z`, until: `${day}T12:00Z` })
    expect(onDay('2026-10-24')).toEqual(['2026-10-24T00:30'])
    expect(onDay('2026-10-25')).toEqual(['2026-10-25T00:30', '2026-10-25T01:30'])
    expect(onDay('2026-03-29')).toEqual([])
  })

  it('matches the whole local day, 23, 24 or 25 hours long', () => {
    const minutesOf = (from: string, until: string) =>
      matching(parseLocalTimeRange('05:00-05:00'), 'America/New_York', { from, until }).length
    expect(minutesOf('2026-03-08T05:00Z', '2026-03-09T04:00Z')).toBe(23 * 60)
    expect(minutesOf('2026-11-01T04:00Z', '2026-11-02T05:00Z')).toBe(25 * 60)
  })

  it('matches both sides of midnight, with a change of clocks at midnight too', () => {
    const range = parseLocalTimeRange('23:58:00-00:02:00')
    expect(matching(range, 'Asia/Tokyo', { from: '2026-01-01T12:00Z', until: '2026-01-01T18:00Z' })).toEqual([
      '2026-01-01T14:58',
      '2026-01-01T14:59',
      '2026-01-01T15:00',
      '2026-01-01T15:01',
    ])
    // Beirut's clocks go from 00:00 to 01:00 in March, and back from 00:00 to 23:00 in October.
    expect(matching(range, 'Asia/Beirut', { from: '2025-03-29T20:00Z', until: '2025-03-30T00:00Z' })).toEqual([
      '2025-03-29T21:58',
      '2025-03-29T21:59',
    ])
    expect(matching(range, 'Asia/Beirut', { from: '2025-10-25T18:00Z', until: '2025-10-26T00:00Z' })).toEqual([
      '2025-10-25T20:58',
      '2025-10-25T20:59',
      '2025-10-25T21:58',
      '2025-10-25T21:59',
      '2025-10-25T22:00',
      '2025-10-25T22:01',
    ])
  })
})
