import { jobFailed, jobFinished } from '@platform/contracts/scheduler.ts'
import type { TypedEvent } from '@platform/events/outbox.ts'
import { nextOccurrence } from '../jobs/cron.ts'
import { headerOf, isSuccess, type Sent } from '../sending/answer.ts'
import { nextTry, readRetryAfter } from './retries.ts'
import type { Task } from './task.ts'

/** What comes of a request. */
export type Verdict =
  | { kind: 'retry'; at: Date; tries: number; lapses: number }
  | { kind: 'succeeded'; nextRunAt?: Date }
  | { kind: 'failed'; nextRunAt?: Date }

/** A request that was made, and what follows from it. */
export interface Outcome {
  task: Task
  sent: Sent
  verdict: Verdict
}

/** When a recurring job is run again after this. */
export const nextRunAt = ({ verdict }: Outcome): Date | undefined =>
  verdict.kind === 'retry' ? undefined : verdict.nextRunAt

/** So often in a row a request may vanish with its sender before that counts as a failure. */
const MAX_LAPSES = 3
const ASKS_FOR_PATIENCE = new Set([429, 503])

/**
 * Decides what follows from how a request went. Pure: time and chance come in.
 *
 * @param random from 0 to 1
 */
export function decide(task: Task, { result, endedAt: now, sentAt }: Sent, random: number): Verdict {
  if (isSuccess(result)) return { kind: 'succeeded', nextRunAt: nextRun(task, now) }
  // Nobody knows how it went, so it is made again at once: that was promised.
  if (result.kind === 'unknown' && task.lapses < MAX_LAPSES) {
    return { kind: 'retry', at: now, tries: task.tries, lapses: task.lapses + 1 }
  }
  const tries = task.tries + 1
  const asks = result.kind === 'answer' && ASKS_FOR_PATIENCE.has(result.statusCode)
  const at = nextTry({
    firstAt: task.firstAt ?? sentAt,
    tries,
    limit: task.retryLimit,
    now,
    notBefore: asks ? readRetryAfter(headerOf(result, 'retry-after'), now) : undefined,
    random,
  })
  return at ? { kind: 'retry', at, tries, lapses: 0 } : { kind: 'failed', nextRunAt: nextRun(task, now) }
}

/** Of a recurring job: its rule's next time. Those that passed while a run was tried again are left out. */
function nextRun({ kind, cron, zone, dueAt }: Task, now: Date): Date | undefined {
  if (kind !== 'request' || cron === null) return undefined
  return nextOccurrence(cron, zone, dueAt > now ? dueAt : now)
}

/** Says where events come from. */
const SOURCE = '/services/scheduler'

/** How a run is recorded. */
export interface End {
  status: 'succeeded' | 'failed' | 'canceled'
  /** The job's, after it. */
  version: number
  /** Not that of the verdict when the job was canceled meanwhile. */
  nextRunAt?: Date
}

/** What others are told of a run that is over; nothing of one that was canceled. */
export function eventOf({ task, sent }: Outcome, end: End, now: Date): TypedEvent[] {
  const { status, version, nextRunAt } = end
  if (status === 'canceled') return []
  const { result } = sent
  const data = {
    id: task.jobId,
    accountId: task.accountId,
    method: task.method,
    host: task.host,
    status,
    run: task.run,
    attempts: task.attempts,
    statusCode: result.kind === 'answer' ? result.statusCode : undefined,
    dueAt: task.dueAt.toISOString(),
    finishedAt: now.toISOString(),
    nextRunAt: nextRunAt?.toISOString(),
  }
  const type = status === 'succeeded' ? jobFinished : jobFailed
  return [{ type, source: SOURCE, subject: task.jobId, entityVersion: version, data }]
}
