import type { EntityType } from '@platform/contracts/shapes.ts'
import type { Origin } from '@platform/http/client.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { Db, ItemRow, Tx } from '../db/schema.ts'
import type { EntityKind, OwnerState } from './kind.ts'

export const notFound = ({ type }: Pick<EntityKind, 'type'>) =>
  new DomainError('not_found', `The ${type} does not exist.`)

/** Also finds what is deleted. */
export function findItem(db: Db, type: EntityType, entityId: string): Promise<ItemRow | undefined> {
  return db
    .selectFrom('item')
    .selectAll()
    .where('entity_type', '=', type)
    .where('entity_id', '=', entityId)
    .executeTakeFirst()
}

/** The same, locked until the transaction ends. Whatever changes an item locks its row first. */
export function lockItem(trx: Tx, type: EntityType, entityId: string): Promise<ItemRow | undefined> {
  return trx
    .selectFrom('item')
    .selectAll()
    .where('entity_type', '=', type)
    .where('entity_id', '=', entityId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** What is known of an entity before a command begins. Both are absent for one that does not exist. */
export interface Seen {
  /** Our copy, deleted or not. */
  item?: ItemRow | undefined
  /** The owner's newer state, where our copy alone would have been a reason to refuse. */
  asked?: OwnerState | undefined
}

/**
 * Looks an entity up, and asks its owner before a refusal: our copy may be late. What is deleted stays deleted, so that
 * needs no question. It belongs before the transaction, which must not wait for another service.
 *
 * @param isReasonToRefuse whether our copy, as it is, would have the command refused
 * @throws DomainError `unavailable` when the owner has to be asked and does not answer
 */
export async function lookUp(
  db: Db,
  kind: EntityKind,
  entityId: string,
  origin: Origin,
  isReasonToRefuse: (item: ItemRow) => boolean = () => false,
): Promise<Seen> {
  const item = await findItem(db, kind.type, entityId)
  if (item?.deleted_at || (item && !isReasonToRefuse(item))) return { item }
  return { item, asked: await kind.ask(entityId, origin) }
}
