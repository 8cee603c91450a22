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

/** The rules of one request: what was found out of one is known for the next job that has it. */
export class CronRules {
  readonly #known = new Map<string, Date | undefined>()

  /** Whether a rule can be read and has a time after `now`. Rules that are long to look for count as none. */
  isRule(rule: string, zone: string, now: Date): boolean {
    return !isWithoutDay(rule) && this.next(rule, zone, now) !== undefined
  }

  /** As `nextOccurrence`; also undefined for a rule that cannot be read. */
  next(rule: string, zone: string, after: Date): Date | undefined {
    const key = `${rule}|${zone}|${after.getTime()}`
    if (!this.#known.has(key)) this.#known.set(key, find(rule, zone, after))
    return this.#known.get(key)
  }
}

function find(rule: string, zone: string, after: Date): Date | undefined {
  try {
    return nextOccurrence(rule, zone, after)
  } catch {
    return undefined
  }
}

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']

/**
 * Whether a rule names no day that there is, such as the 31st of April: croner would look for one through eight thousand
 * years, for milliseconds. With a plus before the day of the week it wants that and the day of the month, for tens of
 * them; so such a rule is taken for one of these.
 */
function isWithoutDay(rule: string): boolean {
  const [, , days = '', months = '', weekdays = ''] = rule.trim().split(/\s+/)
  if (weekdays.startsWith('+')) return true
  // By the day of the week there is always one.
  if (weekdays !== '*' && weekdays !== '?') return false
  // What begins with no number is all days, or the last one.
  const firstDay = Math.min(...days.split(',').map((part) => Number.parseInt(part, 10) || 1))
  return firstDay > Math.max(...months.split(',').map(longestMonth))
}

/** @param part a month, a range of them with or without a step, or what only croner can read */
function longestMonth(part: string): number {
  const [range = '', step = '1'] = part.split('/')
  const [from = 0, to = from] = range.split('-').map(monthNumber)
  const lengths = MONTH_DAYS.filter((_, i) => i + 1 >= from && i + 1 <= to && (i + 1 - from) % Number(step) === 0)
  return lengths.length > 0 ? Math.max(...lengths) : 31
}

const monthNumber = (text: string) => MONTHS.indexOf(text.toUpperCase()) + 1 || Number.parseInt(text, 10)
