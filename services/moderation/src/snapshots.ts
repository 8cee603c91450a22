import { transitionRecorded } from '@platform/contracts/moderation.ts'
import type { Snapshot } from '@platform/events/republish.ts'
import { sql } from 'kysely'
import type { ModerationTables } from './db/schema.ts'
import { SOURCE } from './transitions/move.ts'
import { toRecord } from './transitions/transition-record.ts'

/** The latest transition of everything that was ever moved and is not deleted: it says where the content stands. */
const transitions: Snapshot<ModerationTables> = {
  topic: transitionRecorded.topic,
  page: async (trx, after, limit) => {
    const [afterType = '', afterId = '00000000-0000-0000-0000-000000000000'] = after?.split(' ') ?? []
    const items = await trx
      .selectFrom('item')
      .select(['entity_type', 'entity_id', 'transition_count'])
      .where(sql<boolean>`(entity_type, entity_id) > (${afterType}, ${afterId}::uuid)`)
      .where('deleted_at', 'is', null)
      .where('transition_count', '>', 0)
      .orderBy('entity_type')
      .orderBy('entity_id')
      .limit(limit)
      .forShare()
      .execute()
    if (items.length === 0) return []
    const keys = items.map(
      (item) => sql`(${item.entity_type}, ${item.entity_id}::uuid, ${item.transition_count}::integer)`,
    )
    const latest = await trx
      .selectFrom('transition')
      .selectAll()
      .where(sql<boolean>`(entity_type, entity_id, number) in (${sql.join(keys)})`)
      .orderBy('entity_type')
      .orderBy('entity_id')
      .execute()
    return latest.map((row) => ({
      cursor: `${row.entity_type} ${row.entity_id}`,
      type: transitionRecorded,
      source: SOURCE,
      subject: row.entity_id,
      entityVersion: row.number,
      data: toRecord(row),
    }))
  },
}

/** What `republish` can tell again. */
export const snapshots = [transitions]
