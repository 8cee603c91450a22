import type { EntityType, ModerationStatus } from '@platform/contracts/shapes.ts'
import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'

const SLOTS = 16

/** Where an item counts: its type and status. */
export interface Place {
  entity_type: EntityType
  status: ModerationStatus
}

/**
 * Counts an item where it is now instead of where it was; a missing place is that of an item not yet, or no longer,
 * there. Both places are changed in one order, so that two transactions that cross never wait for each other.
 */
export async function recount(
  trx: Tx,
  entityId: string,
  { from, to }: { from?: Place | undefined; to?: Place | undefined },
): Promise<void> {
  const slot = Number.parseInt(entityId.slice(-2), 16) % SLOTS
  const rows = [...(from ? [{ ...from, total: -1 }] : []), ...(to ? [{ ...to, total: 1 }] : [])]
    .map(({ entity_type, status, total }) => ({ entity_type, status, slot, total }))
    .sort((a, b) => a.status.localeCompare(b.status))
  if (rows.length === 0) return
  await trx
    .insertInto('item_total')
    .values(rows)
    .onConflict((oc) =>
      oc.columns(['entity_type', 'status', 'slot']).doUpdateSet({ total: sql`item_total.total + excluded.total` }),
    )
    .execute()
}

/** How many items that are not deleted have one of these types and one of these statuses. */
export async function totalOf(db: Db, types: EntityType[], statuses: ModerationStatus[]): Promise<number> {
  const { total } = await db
    .selectFrom('item_total')
    .select(sql<number>`coalesce(sum(total), 0)::bigint`.as('total'))
    .where('entity_type', 'in', types)
    .where('status', 'in', statuses)
    .executeTakeFirstOrThrow()
  return total
}
