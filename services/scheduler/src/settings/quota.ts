import { ParameterError } from '@platform/http/parameter-errors.ts'
import { type RawBuilder, sql } from 'kysely'
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

/**
 * As `releaseQuota`, as parts of a statement's `with`, for each row of one of its other parts.
 *
 * @param rows names the part, which has an `account_id`
 */
export function releaseQuotasOf(rows: string): RawBuilder<unknown> {
  // Accounts in one order, so that two engines cannot wait for each other.
  return sql`
    released as materialized (
      select account_setting.account_id, given.count from account_setting
        join (select account_id, count(*) from ${sql.table(rows)} group by 1) as given
          on given.account_id = account_setting.account_id
      order by account_setting.account_id for update of account_setting
    ), quota as (
      update account_setting set active_jobs = greatest(active_jobs - count, 0)
      from released where account_setting.account_id = released.account_id
    )`
}

/** As `releaseQuota`, for many jobs: one entry an account for each of them. */
export async function releaseQuotas(trx: Tx, accountIds: string[]): Promise<void> {
  if (accountIds.length === 0) return
  await sql`
    with ended as (select unnest(${accountIds}::uuid[]) as account_id), ${releaseQuotasOf('ended')}
    select`.execute(trx)
}
