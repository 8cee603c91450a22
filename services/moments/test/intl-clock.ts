/** The reading of a zone's wall clock by `Intl.DateTimeFormat`: a reference that shares no code with `Temporal`. */
export interface IntlClock {
  read(epochMs: number): { localDate: string; localTime: string; hour: number }
  /** The zone's offset as text, such as `GMT+02:00`: cheap to compare. */
  offsetAt(epochMs: number): string
}

export function intlClock(timeZone: string): IntlClock {
  const reading = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const offset = new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', timeZoneName: 'longOffset' })
  return {
    read: (epochMs) => {
      const parts = new Map(reading.formatToParts(epochMs).map(({ type, value }) => [type, value]))
      const join = (types: Intl.DateTimeFormatPartTypes[], separator: string) =>
        types.map((type) => parts.get(type)).join(separator)
      return {
        localDate: join(['year', 'month', 'day'], '-'),
        localTime: join(['hour', 'minute', 'second'], ':'),
        hour: Number(parts.get('hour')),
      }
    },
    offsetAt: (epochMs) => offset.format(epochMs).replace(/^\d+,? */, ''),
  }
}

// Shorter than Morocco's and Western Sahara's month of Ramadan, the shortest time between two clock changes.
const STEP_MS = 3 * 86_400_000

/**
 * Returns the first second after each clock change of a zone, found by bisection between samples.
 *
 * @param period epoch milliseconds of whole seconds
 */
export function findClockChanges(clock: IntlClock, { from, until }: { from: number; until: number }): number[] {
  const changes: number[] = []
  let before = clock.offsetAt(from)
  for (let at = from; at < until; at += STEP_MS) {
    const after = clock.offsetAt(at + STEP_MS)
    if (after !== before) changes.push(bisect(clock, at, at + STEP_MS))
    before = after
  }
  return changes
}

function bisect(clock: IntlClock, from: number, until: number): number {
  const before = clock.offsetAt(from)
  let [low, high] = [from, until]
  while (high - low > 1_000) {
    const middle = low + Math.floor((high - low) / 2_000) * 1_000
    if (clock.offsetAt(middle) === before) low = middle
    else high = middle
  }
  return high
}
