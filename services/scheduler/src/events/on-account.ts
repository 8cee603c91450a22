import { accountCreated, accountDeleted, accountUpdated } from '@platform/contracts/accounts.ts'
import { on } from '@platform/events/consumer.ts'
import { nextVersion } from '@platform/events/versions.ts'
import { sql } from 'kysely'
import type { SchedulerTables, Tx } from '../db/schema.ts'

type AccountEvent = Parameters<Parameters<typeof on<SchedulerTables, ReturnType<typeof accountCreated.parse>>>[1]>[1]

/** Keeps what is needed of an account: its time zone. With the account go its jobs and all that hangs on them. */
async function keepAccount(trx: Tx, event: AccountEvent): Promise<void> {
  const { id, timezone, deletedAt } = event.data
  const known = await trx.selectFrom('account').select('version').where('id', '=', id).forUpdate().executeTakeFirst()
  if (nextVersion(known?.version, event) === 'stale') return
  const copy = { timezone, version: event.entityversion, deleted_at: deletedAt ? new Date(deletedAt) : null }
  await trx
    .insertInto('account')
    .values({ id, ...copy })
    .onConflict((oc) => oc.column('id').doUpdateSet(copy))
    .execute()
  if (!deletedAt) return
  await trx.deleteFrom('queue').where('account_id', '=', id).execute()
  const jobs = trx.selectFrom('job').select('id').where('account_id', '=', id)
  await trx.deleteFrom('attempt').where('job_id', 'in', jobs).execute()
  await trx.deleteFrom('job').where('account_id', '=', id).execute()
  await trx.deleteFrom('account_setting').where('account_id', '=', id).execute()
  await sql`delete from idempotency_key where owner = ${id}`.execute(trx)
}

export const accountHandlers = [
  on(accountCreated, keepAccount),
  on(accountUpdated, keepAccount),
  on(accountDeleted, keepAccount),
]
