import type { Faults } from '@platform/http/parameter-errors.ts'
import type { JobRow } from '../db/schema.ts'
import { faultOfHeaders } from '../sending/request-headers.ts'
import { isTimeZone, type JobTime, offsetOf, parseJobTime } from './at.ts'
import type { CronRules } from './cron.ts'
import { type JobInput, METHODS } from './shapes.ts'
import { Turns } from './turns.ts'
import { readUri } from './uri.ts'

/** What a client wants of a job, understood. Absent: nothing was said; null: taken away. */
export interface JobWish {
  uri?: URL
  method?: string
  time?: JobTime
  callbackUri?: URL | null
  failureCallbackUri?: URL | null
  retryLimit?: number
  body?: string | null
  headers?: Record<string, string> | null
  cron?: string | null
  timezone?: string | null
}

/** What a new job needs. */
export type NewJobWish = JobWish & { uri: URL; method: string; time: JobTime }

export interface ReadContext {
  /** The account's, IANA name. */
  zone: string
  now: Date
  rules: CronRules
  /** What stands already, where a job is changed. */
  standing?: Pick<JobRow, 'cron' | 'timezone' | 'method' | 'body'>
}

const MISSING_AT = 'Missing parameter.  Make sure you include a date to run the job.'
const PAST_AT = 'Invalid parameter.  Date cannot be in the past.'
const BAD_AT = 'Invalid parameter.  Make sure you include a valid date (i.e. 2011-01-31T18:36:21).'
const MISSING_URI = 'Missing parameter.  Make sure you include a URI for the job to request.'
const BAD_METHOD = `Invalid parameter.  ${METHODS.join(', ')}`
const BAD_CRON = 'Invalid parameter.  Make sure you include a valid cron rule of five fields (i.e. 0 9 * * 1).'
const BAD_ZONE = 'Invalid parameter.  Make sure you include a valid time zone (i.e. America/Los_Angeles).'
const NO_BODY = 'Invalid parameter.  A GET or HEAD request has no body.'

/** What was understood; only what has no fault is in the wish. */
export interface ReadWish {
  wish: JobWish
  faults: Faults
}

/** Understands what a client says of new jobs, in their order, and lets others have their turn in between. */
export async function readJobs(inputs: Iterable<JobInput>, context: ReadContext): Promise<ReadWish[]> {
  const turns = new Turns()
  const read: ReadWish[] = []
  for (const input of inputs) {
    read.push(readJob(input, context))
    await turns.give()
  }
  return read
}

/**
 * Understands what a client says of a job, with every fault at once: time, address, method, then the others.
 */
export function readJob(input: JobInput, context: ReadContext): ReadWish {
  const faults: Faults = {}
  const isNew = context.standing === undefined
  const wish: JobWish = {}

  const { timezone, cron } = input
  const zoneFault = timezone && !isTimeZone(timezone) ? BAD_ZONE : undefined
  if (timezone !== undefined && !zoneFault) wish.timezone = timezone || null
  const ownZone = timezone === undefined ? context.standing?.timezone : timezone
  const zone = (!zoneFault && ownZone) || context.zone
  if (cron !== undefined) wish.cron = cron || null
  const rule = cron === undefined ? context.standing?.cron : cron
  const cronFault = cron && !context.rules.isRule(cron, zone, context.now) ? BAD_CRON : undefined

  const time = readTime(input.at, cronFault ? undefined : rule, zone, context)
  if (typeof time === 'string') {
    const isNeeded = isNew || time !== MISSING_AT
    if (isNeeded && !(cronFault && time === MISSING_AT)) faults.at = time
  } else if (input.at || isNew || cron || timezone) wish.time = time

  if (input.uri || isNew) readAddress(input.uri, MISSING_URI, 'uri', faults, (url) => Object.assign(wish, { uri: url }))
  const method = (input.method || (isNew ? 'POST' : '')).toUpperCase()
  if (method !== '' && !METHODS.includes(method)) faults.method = BAD_METHOD
  else if (method !== '') wish.method = method

  if (input.callback_uri === '') wish.callbackUri = null
  else if (input.callback_uri !== undefined) {
    readAddress(input.callback_uri, '', 'callback_uri', faults, (url) => Object.assign(wish, { callbackUri: url }))
  }
  if (input.failure_callback_uri === '') wish.failureCallbackUri = null
  else if (input.failure_callback_uri !== undefined) {
    readAddress(input.failure_callback_uri, '', 'failure_callback_uri', faults, (url) =>
      Object.assign(wish, { failureCallbackUri: url }),
    )
  }
  if (input.limit !== undefined) wish.retryLimit = Math.min(Number(input.limit), 100)
  if (input.body !== undefined) wish.body = input.body === '' ? null : input.body
  if ((input.body || method !== '') && hasBodyInVain(wish, context)) faults.body = NO_BODY
  if (input.headers !== undefined) {
    const fault = faultOfHeaders(input.headers)
    if (fault) faults.headers = fault
    else wish.headers = Object.keys(input.headers).length > 0 ? { ...input.headers } : null
  }
  if (cronFault) faults.cron = cronFault
  if (zoneFault) faults.timezone = zoneFault
  return { wish, faults }
}

/** Whether the job, as it would be then, is a GET or HEAD with a body. */
function hasBodyInVain(wish: JobWish, { standing }: ReadContext): boolean {
  const method = wish.method ?? standing?.method
  const body = wish.body === undefined ? standing?.body : wish.body
  return Boolean(body) && (method === 'GET' || method === 'HEAD')
}

/** A time, or what is wrong with it. A recurring job begins with the first time of its rule from `at` on. */
function readTime(
  text: string | undefined,
  rule: string | null | undefined,
  zone: string,
  { now, rules }: ReadContext,
): JobTime | string {
  if (!text && !rule) return MISSING_AT
  const given = text ? parseJobTime(text, zone) : undefined
  if (text && !given) return BAD_AT
  // Times are written to the second, so all of the present one is still to come.
  if (given && given.instant.getTime() < Math.floor(now.getTime() / 1_000) * 1_000) return PAST_AT
  if (!rule) return given ?? MISSING_AT
  const from = given ? new Date(given.instant.getTime() - 1) : now
  const instant = rules.next(rule, zone, from)
  return instant ? { instant, offsetMinutes: given?.offsetMinutes ?? offsetOf(instant, zone) } : BAD_AT
}

function readAddress(
  text: string | undefined,
  missing: string,
  name: string,
  faults: Faults,
  take: (url: URL) => void,
): void {
  if (!text) {
    faults[name] = missing
    return
  }
  const { url, fault } = readUri(text)
  if (url) take(url)
  else faults[name] = fault
}

/** Whether a wish has all that a new job needs; it does when it was read for one and no fault was found. */
export function isComplete(wish: JobWish): wish is NewJobWish {
  return wish.uri !== undefined && wish.method !== undefined && wish.time !== undefined
}
