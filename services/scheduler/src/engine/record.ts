import { publishAll } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import { callbackPayload } from '../callbacks/payload.ts'
import type { Db, Tx } from '../db/schema.ts'
import { offsetOf } from '../jobs/at.ts'
import { hostOf } from '../jobs/uri.ts'
import { releaseQuotas } from '../settings/quota.ts'
import { ATTEMPT_COLUMNS, attemptArrays, inAttemptOrder } from './attempt-rows.ts'
import { type End, eventOf, nextRunAt, type Outcome } from './outcome.ts'

interface Recorded extends Outcome {
  /** Its job was canceled while it was under way. */
  isCanceled: boolean
}

/**
 * Writes the outcomes of a batch in one transaction: attempts, retries, what has finished, callbacks, events. Whoever
 * has lost a row meanwhile writes nothing about it: its new holder does.
 *
 * @returns the ids in the queue that were still the holder's
 */
export async function record(db: Db, holder: string, outcomes: Outcome[], now: Date): Promise<Set<number>> {
  return db.transaction().execute(async (trx) => {
    const standing = await lockHeld(trx, holder, outcomes)
    const recorded = outcomes
      .filter(({ task }) => standing.has(task.id))
      .map((outcome) => ({ ...outcome, isCanceled: standing.get(outcome.task.id) === true }))
    await insertAttempts(trx, recorded)
    await retry(trx, recorded.filter(isToRetry))
    const ended = recorded.filter((outcome) => !isToRetry(outcome))
    await endCallbacks(
      trx,
      ended.filter(({ task }) => task.kind !== 'request'),
      now,
    )
    await endRuns(
      trx,
      ended.filter(({ task }) => task.kind === 'request'),
      now,
    )
    return new Set(standing.keys())
  })
}

/** @returns for each row that is still held whether its job was canceled */
async function lockHeld(trx: Tx, holder: string, outcomes: Outcome[]): Promise<Map<number, boolean>> {
  const ids = outcomes.map(({ task }) => task.id)
  const tokens = outcomes.map(({ task }) => task.token)
  const { rows } = await sql<{ id: number; stopping: boolean }>`
    select queue.id, stopping
    from queue join unnest(${ids}::bigint[], ${tokens}::int[]) as mine (id, token)
      on queue.id = mine.id and queue.token = mine.token
    where holder = ${holder}
    order by queue.id for update of queue`.execute(trx)
  return new Map(rows.map(({ id, stopping }) => [id, stopping]))
}

const isToRetry = ({ verdict, isCanceled }: Recorded) => verdict.kind === 'retry' && !isCanceled

async function insertAttempts(trx: Tx, recorded: Recorded[]): Promise<void> {
  if (recorded.length === 0) return
  await sql`
    insert into attempt (${ATTEMPT_COLUMNS}) select * from unnest(${inAttemptOrder(attemptArrays(recorded))})`.execute(
    trx,
  )
}

async function retry(trx: Tx, recorded: Recorded[]): Promise<void> {
  if (recorded.length === 0) return
  const due = recorded.map(({ verdict, task }) => (verdict.kind === 'retry' ? verdict.at : task.dueAt))
  const tries = recorded.map(({ verdict, task }) => (verdict.kind === 'retry' ? verdict.tries : task.tries))
  const lapses = recorded.map(({ verdict, task }) => (verdict.kind === 'retry' ? verdict.lapses : task.lapses))
  await sql`
    update queue set due_at = again.due_at, next_at = again.due_at, tries = again.tries, lapses = again.lapses,
      holder = null, begun_at = null, token = token + 1
    from unnest(${recorded.map(({ task }) => task.id)}::bigint[], ${due}::timestamptz[], ${tries}::int[],
      ${lapses}::int[]) as again (id, due_at, tries, lapses)
    where queue.id = again.id`.execute(trx)
  const requests = recorded.filter(({ task }) => task.kind === 'request')
  await sql`
    update job set status = 'retrying', attempts = again.attempts, revision = revision + 1, updated_at = again.ended_at
    from unnest(${requests.map(({ task }) => task.jobId)}::text[], ${requests.map(({ task }) => task.attempts)}::int[],
      ${requests.map(({ sent }) => sent.endedAt)}::timestamptz[]) as again (id, attempts, ended_at)
    where job.id = again.id`.execute(trx)
}

async function endCallbacks(trx: Tx, recorded: Recorded[], now: Date): Promise<void> {
  if (recorded.length === 0) return
  await sql`
    update callback set status = ended.status, attempts = ended.attempts, finished_at = ${now}
    from unnest(${recorded.map(({ task }) => task.callbackId)}::bigint[],
      ${recorded.map(({ verdict }) => (verdict.kind === 'succeeded' ? 'delivered' : 'failed'))}::text[],
      ${recorded.map(({ task }) => task.attempts)}::int[]) as ended (id, status, attempts)
    where callback.id = ended.id`.execute(trx)
  await leaveQueue(trx, recorded)
}

async function leaveQueue(trx: Tx, recorded: Recorded[]): Promise<void> {
  const ids = recorded.map(({ task }) => task.id)
  await sql`delete from queue where id = any (${ids}::bigint[])`.execute(trx)
}

const nextRunOf = (outcome: Recorded): Date | undefined => (outcome.isCanceled ? undefined : nextRunAt(outcome))

/** A canceled job whose last request succeeded all the same has succeeded. */
function endStatus({ verdict }: Recorded): End['status'] {
  return verdict.kind === 'retry' ? 'canceled' : verdict.kind
}

async function endRuns(trx: Tx, recorded: Recorded[], now: Date): Promise<void> {
  if (recorded.length === 0) return
  const again = recorded.filter((outcome) => nextRunOf(outcome) !== undefined)
  const over = recorded.filter((outcome) => nextRunOf(outcome) === undefined)
  await startNextRuns(trx, again)
  if (over.length > 0) await leaveQueue(trx, over)
  const versions = await updateJobs(trx, recorded, now)
  await addCallbacks(trx, recorded, now)
  await publishAll(
    trx,
    recorded.flatMap((outcome) => {
      const version = versions.get(outcome.task.jobId) ?? 1
      return eventOf(outcome, { status: endStatus(outcome), version, nextRunAt: nextRunOf(outcome) }, now)
    }),
    { at: now },
  )
  await releaseQuotas(
    trx,
    over.map(({ task }) => task.accountId),
  )
}

async function startNextRuns(trx: Tx, recorded: Recorded[]): Promise<void> {
  if (recorded.length === 0) return
  await sql`
    update queue set due_at = again.due_at, next_at = again.due_at, tries = 0, lapses = 0, attempts = 0, holder = null,
      begun_at = null, first_at = null, token = token + 1
    from unnest(${recorded.map(({ task }) => task.id)}::bigint[],
      ${recorded.map((outcome) => nextRunOf(outcome) ?? null)}::timestamptz[]) as again (id, due_at)
    where queue.id = again.id`.execute(trx)
}

/** @returns each job's new event version */
async function updateJobs(trx: Tx, recorded: Recorded[], now: Date): Promise<Map<string, number>> {
  const next = recorded.map((outcome) => nextRunOf(outcome) ?? null)
  const offsets = recorded.map(({ task }, i) => (next[i] ? offsetOf(next[i], task.zone) : null))
  const { rows } = await sql<{ id: string; event_version: number }>`
    update job set
      status = case when ended.next_at is null then ended.status else 'scheduled' end,
      attempts = case when ended.next_at is null then ended.attempts else 0 end,
      run = job.run + (ended.next_at is not null)::int,
      at = coalesce(ended.next_at, job.at),
      at_offset_minutes = coalesce(ended.next_offset, job.at_offset_minutes),
      finished_at = case when ended.next_at is null then ${now}::timestamptz end,
      event_version = event_version + (ended.status <> 'canceled')::int,
      revision = revision + 1, updated_at = ${now}
    from unnest(${recorded.map(({ task }) => task.jobId)}::text[], ${recorded.map(endStatus)}::text[],
      ${recorded.map(({ task }) => task.attempts)}::int[], ${next}::timestamptz[], ${offsets}::int[])
      as ended (id, status, attempts, next_at, next_offset)
    where job.id = ended.id
    returning job.id, job.event_version`.execute(trx)
  return new Map(rows.map((row) => [row.id, row.event_version]))
}

/** After a success the answer goes to the callback; after the last failure it goes to the one for failures. */
async function addCallbacks(trx: Tx, recorded: Recorded[], now: Date): Promise<void> {
  const wanted = recorded.flatMap(({ task, sent, verdict }) => {
    const kind = verdict.kind === 'succeeded' ? ('success' as const) : ('failure' as const)
    const uri = kind === 'success' ? task.callbackUri : task.failureCallbackUri
    return uri === null || verdict.kind === 'retry' ? [] : [{ task, kind, uri, payload: callbackPayload(sent.result) }]
  })
  if (wanted.length === 0) return
  const callbacks = await trx
    .insertInto('callback')
    .values(
      wanted.map(({ task, kind, uri, payload }) => ({
        job_id: task.jobId,
        run: task.run,
        kind,
        uri,
        payload,
        created_at: now,
      })),
    )
    .returning(['id', 'job_id', 'uri'])
    .execute()
  const accounts = new Map(wanted.map(({ task }) => [task.jobId, task.accountId]))
  await trx
    .insertInto('queue')
    .values(
      callbacks.map(({ id, job_id, uri }) => ({
        job_id,
        callback_id: id,
        account_id: accounts.get(job_id) ?? '',
        host: hostOf(new URL(uri)),
        due_at: now,
        next_at: now,
      })),
    )
    .execute()
}
