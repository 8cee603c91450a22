import type { ItemRow } from '../db/schema.ts'
import type { EntityKind } from './kind.ts'

/** An item's content, for moderators. */
export function showItem(kind: EntityKind, item: ItemRow): object {
  return kind.show(item.content, { status: item.status, contentRevision: item.content_revision })
}
