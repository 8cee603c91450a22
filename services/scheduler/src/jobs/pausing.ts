import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'
import { zoneOf } from '../settings/settings.ts'
import { type JobTime, offsetOf } from './at.ts'
import { nextOccurrence } from './cron.ts'
import { getJob } from './find-jobs.ts'
import type { QueuedJobRow } from './job-view.ts'
import { begun, type CommandContext, requeue } from './jobs.ts'
import { hintIfNearDue } from './near-due.ts'

/** Keeps a job from being sent until it is resumed; nothing happens when it is paused. */
export async function pauseJob(trx: Tx, context: CommandContext, job: QueuedJobRow): Promise<QueuedJobRow> {
  if (job.status === 'paused') return job
  if (job.begun_at || job.status !== 'scheduled') throw begun()
  await requeue(trx, job.id, null, {})
  await setStatus(trx, job.id, 'paused', context.now)
  return getJob(trx, context.accountId, job.id)
}

/** Takes up a paused job: a recurring one at its next time, another one at its own or, when that has passed, now. */
export async function resumeJob(trx: Tx, context: CommandContext, job: QueuedJobRow): Promise<QueuedJobRow> {
  if (job.status !== 'paused') throw new DomainError('conflict', 'The job is not paused.')
  const { now, horizonMs, accountId } = context
  const planned = job.due_at ?? job.at
  const isPast = planned < now
  const next = isPast && job.cron !== null ? await nextTime(trx, job, job.cron, now) : undefined
  const due = next?.instant ?? (isPast ? now : planned)
  await requeue(trx, job.id, due, { due })
  await setStatus(trx, job.id, 'scheduled', now, next)
  await hintIfNearDue(trx, due, now, horizonMs)
  return getJob(trx, accountId, job.id)
}

/** @param time when the job is run now, where that has changed */
async function setStatus(
  trx: Tx,
  id: string,
  status: 'paused' | 'scheduled',
  now: Date,
  time?: JobTime,
): Promise<void> {
  await trx
    .updateTable('job')
    .set({
      status,
      at: time?.instant,
      at_offset_minutes: time?.offsetMinutes,
      updated_at: now,
      revision: sql`revision + 1`,
    })
    .where('id', '=', id)
    .execute()
}

/** The next time of a recurring job, in its zone, else in its account's. */
async function nextTime(trx: Tx, job: QueuedJobRow, rule: string, now: Date): Promise<JobTime | undefined> {
  const zone = job.timezone ?? (await zoneOf(trx, job.account_id))
  const instant = nextOccurrence(rule, zone, now)
  return instant && { instant, offsetMinutes: offsetOf(instant, zone) }
}
