import { readByIndex } from '@platform/db/read-by-index.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { type Selectable, sql } from 'kysely'
import type { Db, DeletionTable, Tx } from '../db/schema.ts'
import { LOCKING_LIKED, STEPS, type Step } from './steps.ts'

const TARGETS_AT_ONCE = 200

/**
 * Finishes deletes: what hangs on something deleted goes in batches, each in a transaction of its own, so that a crash
 * loses no more than the batch at hand. This is one batch, of the delete that was the longest untouched. Any number of
 * them may run at once.
 *
 * @param batchSize how many rows a step takes at most
 * @returns false when there is nothing to do
 */
export function deleteOnce(db: Db, batchSize: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const jobs = await claim(trx)
    const [first] = jobs
    if (!first) return false
    const targetIds = jobs.map(({ target_id }) => target_id)
    const isDone = await runSteps(trx, first, targetIds, batchSize)
    if (isDone) {
      await trx.deleteFrom('deletion').where('kind', '=', first.kind).where('target_id', 'in', targetIds).execute()
    } else {
      await trx
        .updateTable('deletion')
        .set({ worked_on_at: sql`clock_timestamp()` })
        .where('kind', '=', first.kind)
        .where('target_id', 'in', targetIds)
        .execute()
    }
    return true
  })
}

type Job = Selectable<DeletionTable>

/**
 * The first in line, and those next in line that are of its kind and cause, which are worked on together: a group's
 * posts, for instance. The others are left to other processes.
 */
async function claim(trx: Tx): Promise<Job[]> {
  const first = await trx
    .selectFrom('deletion')
    .select(['kind', 'target_id'])
    .orderBy('worked_on_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  if (!first) return []
  const { rows } = await sql<Job>`
    select deletion.*
    from deletion as first
    cross join lateral (
      select * from deletion where worked_on_at >= first.worked_on_at order by worked_on_at limit ${TARGETS_AT_ONCE}
    ) as next
    join deletion on deletion.kind = next.kind and deletion.target_id = next.target_id
    where first.kind = ${first.kind} and first.target_id = ${first.target_id}
      and (deletion.kind, deletion.deleted_at) = (first.kind, first.deleted_at)
      and (deletion.actor_id, deletion.traceparent) is not distinct from (first.actor_id, first.traceparent)
    for update of deletion skip locked`.execute(trx)
  return rows
}

async function runSteps(trx: Tx, job: Job, targetIds: string[], batchSize: number): Promise<boolean> {
  const cause: Cause = {
    at: job.deleted_at,
    traceparent: job.traceparent ?? undefined,
    actorId: job.actor_id ?? undefined,
  }
  for (const step of STEPS[job.kind]) {
    const found = await runStep(trx, step, targetIds, batchSize, cause)
    if (found === batchSize || (found > 0 && LOCKING_LIKED.has(step))) return false
  }
  return true
}

/** One batch of one step. @returns how many rows it found */
export async function runStep(trx: Tx, step: Step, targetIds: string[], limit: number, cause: Cause): Promise<number> {
  await readByIndex(trx)
  return step(trx, targetIds, limit, cause)
}
