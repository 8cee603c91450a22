import { ParameterError } from '@platform/http/parameter-errors.ts'
import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'

/**
 * Counts jobs that have something to do, against what an account may have of them. The account's row is the last one
 * that a transaction locks. Its settings have to exist.
 *
 * @throws ParameterError `rate_limited` when it would have too many
 */
export async function takeQuota(trx: Tx, accountId: string, count: number, quota: number): Promise<void> {
  const taken = await trx
    .updateTable('account_setting')
    .set({ active_jobs: sql`active_jobs + ${count}` })
    .where('account_id', '=', accountId)
    .where(sql<boolean>`active_jobs + ${count} <= ${quota}`)
    .returning('active_jobs')
    .executeTakeFirst()
  if (taken) return
  const message = `Your account can have ${quota.toLocaleString('en')} jobs waiting; finish or delete some first.`
  throw new ParameterError({ job: message }, 'rate_limited')
}

/** Gives back what jobs have taken that have nothing to do any more. */
export async function releaseQuota(trx: Tx, accountId: string, count: number): Promise<void> {
  await trx
    .updateTable('account_setting')
    .set({ active_jobs: sql`greatest(active_jobs - ${count}, 0)` })
    .where('account_id', '=', accountId)
    .execute()
}
