import { accountDeleted } from '@platform/contracts/accounts.ts'
import { causedBy } from '@platform/events/cloud-event.ts'
import { on } from '@platform/events/consumer.ts'
import type { Tx } from '../db/schema.ts'
import { requestErasure } from '../erasure/erasures.ts'

/**
 * Whose account is gone is erased. Forced, since nobody is there any more to be asked: the gateway has made sure before,
 * and a group that got in the way meanwhile must not hold it up for ever.
 */
export const onAccountDeleted = (clock: () => Date) =>
  on(accountDeleted, async (trx: Tx, event) => {
    await requestErasure(trx, event.data.id, { isForced: true }, causedBy(event, clock()))
  })
