const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** When a request that fails is made again, in ms after the first one. */
export const RETRY_OFFSETS_MS = [10 * SECOND, 2 * MINUTE, 15 * MINUTE, 2 * HOUR, 24 * HOUR]

/** A thousand requests that failed together do not come back together: up to so much later, as a part of the offset. */
const JITTER = 0.03
/** Longer than this nobody is made to wait by the other side. */
const LONGEST_WAIT_MS = 48 * HOUR

/** What decides when a request is made again. */
export interface RetryQuestion {
  /** Of the first request of the run. */
  firstAt: Date
  /** Requests that have failed, this one included. */
  tries: number
  /** How many of the retries to make; 0: all. */
  limit: number
  now: Date
  /** Not before this, as the other side asked. */
  notBefore?: Date
  /** From 0 to 1. */
  random: number
}

/**
 * The next try, by the schedule from the first request on: not in the past, and later only by a little chance, or when
 * the other side asks for it.
 *
 * @returns undefined after the last one
 */
export function nextTry({ firstAt, tries, limit, now, notBefore, random }: RetryQuestion): Date | undefined {
  const allowed = limit === 0 ? RETRY_OFFSETS_MS.length : Math.min(limit, RETRY_OFFSETS_MS.length)
  const offset = tries <= allowed ? RETRY_OFFSETS_MS[tries - 1] : undefined
  if (offset === undefined) return undefined
  const bySchedule = firstAt.getTime() + Math.round(offset * (1 + JITTER * random))
  const asked = Math.min(notBefore?.getTime() ?? 0, now.getTime() + LONGEST_WAIT_MS)
  return new Date(Math.max(bySchedule, asked, now.getTime()))
}

/** The table of retries for a request that is made at `firstAt`, without the chance in it. */
export function retryTable(firstAt: Date, limit: number): Date[] {
  const allowed = limit === 0 ? RETRY_OFFSETS_MS.length : limit
  return RETRY_OFFSETS_MS.slice(0, allowed).map((offset) => new Date(firstAt.getTime() + offset))
}

/**
 * Reads `Retry-After`: seconds, or a date.
 *
 * @returns undefined when it says neither
 */
export function readRetryAfter(value: string | string[] | undefined, now: Date): Date | undefined {
  const text = Array.isArray(value) ? value[0] : value
  if (text === undefined) return undefined
  if (/^\s*\d{1,9}\s*$/.test(text)) return new Date(now.getTime() + Number(text) * SECOND)
  const instant = Date.parse(text)
  return Number.isNaN(instant) ? undefined : new Date(instant)
}
