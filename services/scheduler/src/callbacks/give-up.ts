import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'

/**
 * Ends the retries of a job's callbacks: one that waits for its next try is not sent any more, one that is under way has
 * been the last. One that has not been tried yet is still sent, once.
 *
 * @returns whether there was any
 */
export async function giveUpCallbacks(trx: Tx, jobId: string, now: Date): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`
    with callbacks as materialized (
      select id, callback_id, attempts, tries > 0 and begun_at is null as waits from queue
      where job_id = ${jobId} and callback_id is not null
      order by id for update
    ), gone as (
      delete from queue using callbacks where queue.id = callbacks.id and waits
    ), last as (
      update queue set stopping = true from callbacks where queue.id = callbacks.id and not waits
    ), failed as (
      update callback set status = 'failed', attempts = callbacks.attempts, finished_at = ${now}
      from callbacks where callback.id = callbacks.callback_id and waits
    )
    select waits from callbacks`.execute(trx)
  return rows.length > 0
}
