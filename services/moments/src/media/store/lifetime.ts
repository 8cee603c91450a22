/** Lifetimes are whole seconds: both stores put them into URLs that way. */
export function toWholeSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1_000)
}

export function fromWholeSeconds(seconds: number): Date {
  return new Date(seconds * 1_000)
}

/**
 * Returns how many whole seconds a URL lives.
 *
 * @throws RangeError when it would be expired when it is issued: a fault of the caller
 */
export function lifetimeSeconds(now: Date, expiresAt: Date): number {
  const seconds = toWholeSeconds(expiresAt) - toWholeSeconds(now)
  if (seconds < 1) throw new RangeError('A signed URL has to live for at least a second.')
  return seconds
}
