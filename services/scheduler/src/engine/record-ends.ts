import { bigints, integers, texts } from '@platform/db/arrays.ts'
import { prepare } from '@platform/db/prepared.ts'
import { toOutboxRow } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import { releaseQuotasOf } from '../settings/quota.ts'
import { ATTEMPT_COLUMNS, type AttemptArrays, attemptArrays, inAttemptOrder } from './attempt-rows.ts'
import { eventOf, nextRunAt, type Outcome } from './outcome.ts'

/**
 * Whether a request was the last thing that its job had to do: no retry, no next run, no callback. Nearly every one is,
 * and what follows is the same whether the job was canceled meanwhile or not.
 */
export function isEnd(outcome: Outcome): boolean {
  const { task, verdict } = outcome
  if (task.kind !== 'request' || verdict.kind === 'retry' || nextRunAt(outcome)) return false
  return (verdict.kind === 'succeeded' ? task.callbackUri : task.failureCallbackUri) === null
}

/** Of requests that were the last thing that their jobs had to do, each column an array. */
interface Ends extends AttemptArrays {
  holder: string
  now: Date
  queue_id: Buffer
  token: Buffer
  status: Buffer
  topic: Buffer
  event: Buffer
}

const writeEnds = prepare<Ends, { id: number }>(
  'record ends',
  (given) => sql`
    with held as materialized (
      select given.*, queue.account_id
      from unnest(${given.queue_id}::bigint[], ${given.token}::int[], ${given.status}::text[], ${given.topic}::text[],
          ${given.event}::text[], ${inAttemptOrder(given)})
        as given (queue_id, token, status, topic, event, ${ATTEMPT_COLUMNS})
        join queue on queue.id = given.queue_id and queue.token = given.token
      where holder = ${given.holder}::uuid
      order by queue.id for update of queue
    ), tried as (
      insert into attempt (${ATTEMPT_COLUMNS}) select ${ATTEMPT_COLUMNS} from held
    ), gone as (
      delete from queue using held where queue.id = held.queue_id
    ), ended as (
      update job set status = held.status, attempts = held.number, finished_at = ${given.now}::timestamptz,
        updated_at = ${given.now}::timestamptz, event_version = event_version + 1, revision = revision + 1
      from held where job.id = held.job_id
    ), told as (
      insert into outbox (topic, key, event)
      select topic, job_id, event from held
    ), ${releaseQuotasOf('held')}
    select queue_id as id from held`,
)

/**
 * Writes requests that were the last thing that their jobs had to do, with one statement: attempts, jobs, events, quota.
 * Rows are locked as everywhere: the queue's by their ids, then jobs, then accounts by theirs.
 *
 * @returns the ids in the queue that were still the holder's; nothing is written of the others
 */
export async function recordEnds(db: Db, holder: string, outcomes: Outcome[], now: Date): Promise<Set<number>> {
  const events = outcomes.map((outcome) => {
    const { task, verdict } = outcome
    // Nobody but the holder of the row changes it.
    const status = verdict.kind === 'succeeded' ? 'succeeded' : 'failed'
    const [event] = eventOf(outcome, { status, version: task.eventVersion + 1 }, now)
    if (!event) throw new Error('A job that has ended has an event.')
    return toOutboxRow(event, { at: now })
  })
  const rows = await writeEnds(db, {
    ...attemptArrays(outcomes),
    holder,
    now,
    queue_id: bigints(outcomes.map(({ task }) => task.id)),
    token: integers(outcomes.map(({ task }) => task.token)),
    status: texts(outcomes.map(({ verdict }) => verdict.kind)),
    topic: texts(events.map(({ topic }) => topic)),
    event: texts(events.map(({ event }) => event)),
  })
  return new Set(rows.map(({ id }) => id))
}
