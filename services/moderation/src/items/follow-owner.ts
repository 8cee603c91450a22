import { NOBODY } from '@platform/contracts/erasure.ts'
import { actorOf } from '@platform/erasure/erased.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { ItemRow, Tx } from '../db/schema.ts'
import { forgetSubject } from '../erasure/steps.ts'
import { moveItem } from '../transitions/move.ts'
import { lockItem } from './items.ts'
import type { EntityKind, OwnerState } from './kind.ts'
import { recount } from './totals.ts'

/**
 * Takes over the owner's state, unless ours is as new. Rejected content that was edited goes to review by itself.
 *
 * @param edit who edited, and when; where that is not known, it was the author
 * @returns the item as it is now, locked
 */
export async function followOwner(
  trx: Tx,
  kind: EntityKind,
  owner: OwnerState,
  edit: Pick<CloudEvent, 'actorid' | 'time'> | undefined,
  cause: Cause,
): Promise<ItemRow> {
  const { entityId } = kind.facts(owner.state)
  const known =
    (await lockItem(trx, kind.type, entityId)) ??
    (await insertItem(trx, kind, owner)) ??
    // Somebody else has inserted it since we looked.
    (await lockItem(trx, kind.type, entityId))
  if (!known) throw new Error(`The ${kind.type} ${entityId} is neither there nor new.`)
  if (known.content_version >= owner.version) return known
  const item = await updateItem(trx, kind, known, owner)
  if (item.subject_id !== known.subject_id) await forgetSubject(trx, item, known.subject_id)
  const isEdited = item.content_revision > known.content_revision
  if (!isEdited || item.status !== 'rejected' || item.deleted_at) return item
  const actorId = edit ? ((await actorOf(trx, edit)) ?? NOBODY) : item.subject_id
  return (await moveItem(trx, item, { to: 'review', actorId, reason: 'edited' }, cause))?.item ?? item
}

async function insertItem(trx: Tx, kind: EntityKind, owner: OwnerState): Promise<ItemRow | undefined> {
  const inserted = await trx
    .insertInto('item')
    .values({
      entity_type: kind.type,
      entity_id: kind.facts(owner.state).entityId,
      ...columnsOf(kind, owner),
      status_since: new Date(kind.facts(owner.state).createdAt),
      status_revision: null,
    })
    .onConflict((oc) => oc.columns(['entity_type', 'entity_id']).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (inserted && !inserted.deleted_at) await recount(trx, inserted.entity_id, { to: inserted })
  return inserted
}

async function updateItem(trx: Tx, kind: EntityKind, known: ItemRow, owner: OwnerState): Promise<ItemRow> {
  const item = await trx
    .updateTable('item')
    .set(columnsOf(kind, owner))
    .where('entity_type', '=', known.entity_type)
    .where('entity_id', '=', known.entity_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (!known.deleted_at !== !item.deleted_at) {
    await recount(trx, item.entity_id, item.deleted_at ? { from: known } : { to: item })
  }
  return item
}

function columnsOf(kind: EntityKind, { version, state }: OwnerState) {
  const { subjectId, contentRevision, createdAt, deletedAt } = kind.facts(state)
  return {
    subject_id: subjectId,
    content: JSON.stringify(state),
    content_revision: contentRevision,
    content_version: version,
    created_at: new Date(createdAt),
    deleted_at: deletedAt === undefined ? null : new Date(deletedAt),
  }
}
