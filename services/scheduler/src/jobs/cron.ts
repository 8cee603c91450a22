import { Cron } from 'croner'

/**
 * The first time after `after` that a rule names. In a day that a clock change makes shorter or longer a time that does
 * not exist is made up for at the change, and one that is there twice is taken once.
 *
 * @param rule five fields: minute, hour, day of the month, month, day of the week
 * @param zone IANA name
 * @returns undefined when there is none, ever
 * @throws Error for a rule that cannot be read
 */
export function nextOccurrence(rule: string, zone: string, after: Date): Date | undefined {
  return new Cron(rule, { timezone: zone, mode: '5-part', paused: true }).nextRun(after) ?? undefined
}

/** Whether a rule can be read, and has a time to come. */
export function isCronRule(rule: string, zone: string, now: Date): boolean {
  try {
    return nextOccurrence(rule, zone, now) !== undefined
  } catch {
    return false
  }
}
