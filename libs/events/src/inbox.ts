import { type Kysely, sql, type Transaction } from 'kysely'
import type { CloudEvent } from './cloud-event.ts'
import type { ApplyEvents, EventHandler } from './handler.ts'
import type { InboxTables } from './tables.ts'

/**
 * Applies an event once: the note in the inbox and the handler's effects are one commit. Another transaction that
 * handles the same event at this moment is waited for.
 *
 * @returns `duplicate` when it was handled before; nothing was done then
 */
export async function handleOnce<T>(
  trx: Transaction<T>,
  consumer: string,
  event: CloudEvent,
  handler: Pick<EventHandler<T>, 'handle'>,
): Promise<'handled' | 'duplicate'> {
  if (!(await noteHandled(trx, consumer, event))) return 'duplicate'
  await handler.handle(trx, event)
  return 'handled'
}

/**
 * As `handleOnce`, for several events at once.
 *
 * @returns those that were not handled before, in their order; the others were left out
 */
export async function handleAllOnce<T>(
  trx: Transaction<T>,
  consumer: string,
  events: CloudEvent[],
  apply: ApplyEvents<T>,
): Promise<Set<CloudEvent>> {
  const byPlace = new Map<string, CloudEvent>()
  for (const event of events) {
    const place = placeOf(event)
    if (!byPlace.has(place)) byPlace.set(place, event)
  }
  // In one order, so that two members of a group that get the same events at a rebalance cannot deadlock.
  const places = [...byPlace.keys()].sort()
  const noted = places.flatMap((place) => byPlace.get(place) ?? [])
  const { rows } = await sql<{ id: string; source: string }>`
    insert into inbox (consumer, event_id, source)
    select ${consumer}, * from unnest(${noted.map(({ id }) => id)}::text[], ${noted.map(({ source }) => source)}::text[])
    on conflict do nothing returning event_id as id, source`.execute(trx)
  const isFresh = new Set(rows.map(placeOf))
  const fresh = [...byPlace].filter(([place]) => isFresh.has(place)).map(([, event]) => event)
  if (fresh.length > 0) await apply(trx, fresh)
  return new Set(fresh)
}

const placeOf = ({ id, source }: { id: string; source: string }): string => JSON.stringify([source, id])

/** @returns false when it was noted already */
export async function noteHandled<T>(
  trx: Transaction<T>,
  consumer: string,
  { id, source }: { id: string; source: string },
): Promise<boolean> {
  const inbox = trx as unknown as Transaction<InboxTables>
  const noted = await inbox
    .insertInto('inbox')
    .values({ consumer, event_id: id, source })
    .onConflict((conflict) => conflict.doNothing())
    .returning('event_id')
    .executeTakeFirst()
  return noted !== undefined
}

const PURGE_BATCH = 1_000

/**
 * Forgets events that were handled long ago, in small batches.
 *
 * @param retentionDays longer than a message can lie in a topic or be sent again
 * @returns how many were forgotten
 */
export async function purgeInbox<T extends InboxTables>(
  db: Kysely<T>,
  consumer: string,
  retentionDays: number,
): Promise<number> {
  let purged = 0
  for (;;) {
    const { numAffectedRows = 0n } = await sql`
      delete from inbox where ctid = any (array(
        select ctid from inbox
        where consumer = ${consumer} and handled_at < now() - ${retentionDays} * interval '1 day'
        limit ${PURGE_BATCH}))`.execute(db)
    purged += Number(numAffectedRows)
    if (numAffectedRows < PURGE_BATCH) return purged
  }
}
