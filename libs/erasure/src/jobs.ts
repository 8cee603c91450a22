import { type ErasureState, erasureRequested } from '@platform/contracts/erasure.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import type { OutboxTables } from '@platform/events/outbox.ts'
import type { ErasingService } from '@platform/platform/registry.ts'
import type { Generated, Selectable, Transaction } from 'kysely'

/** A service's part of an erasure, for as long as something is left to do. Nobody's id stays when it is done. */
export interface ErasureJobTable {
  erasure_id: string
  user_id: string
  traceparent: string | null
  /** By the clock of the groups service. */
  requested_at: Date | null
  /** How many records have gone so far. */
  erased: Generated<number>
  /** Of the newest event about this part. */
  version: Generated<number>
  worked_on_at: Generated<Date>
}

/** Somebody whose part is done here; see `erased.ts`. */
export interface ErasedPersonTable {
  /** SHA-256 of their id. */
  person: Buffer
  /** What they did until then is gone. */
  until: Date
}

/** The tables that this library keeps in a service's schema. */
export interface ErasureTables extends OutboxTables {
  erasure_job: ErasureJobTable
  erased_person: ErasedPersonTable
}

export type ErasureJob = Selectable<ErasureJobTable>

/** Notes that somebody's data has to go. The worker takes it up after the commit. */
export async function addErasureJob<T extends ErasureTables>(
  trx: Transaction<T>,
  {
    erasureId,
    userId,
    requestedAt,
    traceparent,
  }: { erasureId: string; userId: string; requestedAt: Date; traceparent?: string | undefined },
): Promise<void> {
  await tablesOf(trx)
    .insertInto('erasure_job')
    .values({ erasure_id: erasureId, user_id: userId, requested_at: requestedAt, traceparent: traceparent ?? null })
    .onConflict((oc) => oc.doNothing())
    .execute()
}

/** Takes on a service's part of each erasure that is requested. */
export function onErasureRequested<T extends ErasureTables>(service: ErasingService): EventHandler<T> {
  return on<T, ErasureState>(erasureRequested, async (trx, { data, traceparent }) => {
    const { id, userId, services, requestedAt } = data
    if (userId === undefined || !services.includes(service)) return
    await addErasureJob(trx, { erasureId: id, userId, requestedAt: new Date(requestedAt), traceparent })
  })
}

/** The same transaction, as this library knows it. */
export function tablesOf<T extends ErasureTables>(trx: Transaction<T>): Transaction<ErasureTables> {
  return trx as unknown as Transaction<ErasureTables>
}
