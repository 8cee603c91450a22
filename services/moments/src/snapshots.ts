import { momentCaptured, momentDeleted, momentPurged, type PurgeReceipt } from '@platform/contracts/moments.ts'
import type { Snapshot, SnapshotEntry } from '@platform/events/republish.ts'
import type { MediaRow, MomentRow, MomentsTables } from './db/schema.ts'
import { mediaOf, SOURCE, toMomentState } from './moments/publish-moment.ts'

/**
 * Every moment, also deleted ones. Tombstones are published as purges again, so that a consumer that missed one learns
 * of it; what the receipt said of the files is not kept.
 */
const momentSnapshot: Snapshot<MomentsTables> = {
  topic: momentCaptured.topic,
  page: async (trx, after, limit) => {
    const rows = await trx
      .selectFrom('moment')
      .selectAll()
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .forShare()
      .execute()
    const media = await mediaOf(
      trx,
      rows.map(({ id }) => id),
    )
    return rows.map((row) => toEntry(row, media.get(row.id) ?? []))
  },
}

function toEntry(row: MomentRow, media: MediaRow[]): SnapshotEntry {
  const moment = { source: SOURCE, subject: row.id, cursor: row.id, entityVersion: row.version }
  if (row.purged_at) {
    const { id, robot_id, source_id, purged_at } = row
    const receipt: PurgeReceipt = {
      uuid: id,
      robotUUID: robot_id,
      sourceId: source_id,
      media: [],
      purgedAt: purged_at.toISOString(),
    }
    return { ...moment, type: momentPurged, data: receipt }
  }
  const type = row.deleted_at ? momentDeleted : momentCaptured
  return { ...moment, type, data: toMomentState(row, media) }
}

/** The topics that `pnpm events republish` can publish again. */
export const snapshots = [momentSnapshot]
