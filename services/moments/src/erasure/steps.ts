import { type Batch, purge, purgeKeptAnswers, type WaitingStep } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import type { MomentsTables, Tx } from '../db/schema.ts'
import { smartErasureSteps } from '../smart/upkeep.ts'
import { eraseRobots, eraseTombstones, startPurge, waitForRights } from './lone-robots.ts'
import { leaveSharedRobots } from './shared-robots.ts'

/**
 * Everything that the service knows of a person, in the order in which it goes. The purge of their robots begins first,
 * because it takes longest. A moment's counts of shares and views stay: they name no one.
 */
export const ERASURE_STEPS: WaitingStep<MomentsTables>[] = (
  [
    startPurge,
    leaveSharedRobots,
    ...smartErasureSteps,
    purge('mark', 'user_id'),
    purge('moment_action', 'user_id'),
    forgetDeleter,
    eraseTombstones,
    eraseRobots,
    purge('account', 'id'),
    purgeKeptAnswers(),
    waitForRights,
  ] satisfies WaitingStep<MomentsTables>[]
).map(stopAtLimit)

/**
 * Has a step read only the rows of its batch. A bitmap scan collects all rows that fit before it gives the first, so each
 * batch would read everything that is left.
 */
function stopAtLimit(step: WaitingStep<MomentsTables>): WaitingStep<MomentsTables> {
  return async (trx, batch) => {
    await sql`set local enable_bitmapscan = off`.execute(trx)
    return step(trx, batch)
  }
}

/** Takes the person's id from the moments that they deleted. No state that others know changes. */
async function forgetDeleter(trx: Tx, { userId, limit }: Batch): Promise<number> {
  const { rows } = await sql`
    update moment set deleted_by = null
    where id = any(array(select id from moment where deleted_by = ${userId} limit ${limit}))
    returning id`.execute(trx)
  return rows.length
}
