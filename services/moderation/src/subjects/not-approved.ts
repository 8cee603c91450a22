import type { EntityType } from '@platform/contracts/shapes.ts'
import { sql } from 'kysely'
import type { Db, ItemRow } from '../db/schema.ts'

/** The list is no page, and nobody has this many things waiting who is not a machine. */
export const LISTED_AT_MOST = 1000

/** A subject's items in review, flagged or rejected; newest first. */
export function listNotApproved(db: Db, type: EntityType, subjectId: string): Promise<ItemRow[]> {
  return (
    db
      .selectFrom('item')
      .selectAll()
      .where('entity_type', '=', type)
      .where('subject_id', '=', subjectId)
      .where('deleted_at', 'is', null)
      // As the index says it.
      .where(sql<boolean>`status in ('review', 'flagged', 'rejected')`)
      .orderBy('created_at', 'desc')
      .orderBy('entity_id', 'desc')
      .limit(LISTED_AT_MOST)
      .execute()
  )
}
