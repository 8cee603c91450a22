import { type AccountState, accountCreated, accountDeleted, accountUpdated } from '@platform/contracts/accounts.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import type { MomentsTables } from '../db/schema.ts'
import { isErasedAt, nextVersionOf } from './known-version.ts'

/** Keeps the read model of accounts: which users exist. Their data goes with their erasure, not with their account. */
export const onAccountEvents: EventHandler<MomentsTables>[] = [accountCreated, accountUpdated, accountDeleted].map(
  (type) =>
    on<MomentsTables, AccountState>(type, async (trx, event) => {
      const { id, deletedAt } = event.data
      const isErased = await isErasedAt(trx, id, event)
      const known = await trx
        .selectFrom('account')
        .select('version')
        .where('id', '=', id)
        .forNoKeyUpdate()
        .executeTakeFirst()
      if (nextVersionOf(known?.version, event, isErased) === 'stale') return
      const account = { version: event.entityversion, deleted_at: deletedAt ? new Date(deletedAt) : null }
      await trx
        .insertInto('account')
        .values({ id, ...account })
        .onConflict((oc) => oc.column('id').doUpdateSet(account))
        .execute()
    }),
)
