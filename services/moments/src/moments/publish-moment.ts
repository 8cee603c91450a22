import type { MomentState } from '@platform/contracts/moments.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { type Cause, publishAll, type TypedEvent } from '@platform/events/outbox.ts'
import type { MediaRow, MomentRow, Tx } from '../db/schema.ts'

/** Where this service's events say that they come from. */
export const SOURCE = '/services/moments'

/** Returns the state of a moment that other services may know. */
export function toMomentState(row: MomentRow, media: MediaRow[]): MomentState {
  const [localDate = '', localTime = ''] = row.local_at.split(' ')
  return {
    uuid: row.id,
    robotUUID: row.robot_id,
    sourceId: row.source_id,
    type: row.type,
    title: row.title ?? undefined,
    capturedAt: row.captured_at.toISOString(),
    timeZone: row.time_zone,
    localTime: localTime.slice(0, 8),
    localDate,
    expiresAt: row.expires_at?.toISOString(),
    media: media.map(({ id, kind, content_type, bytes, sha256 }) => ({
      uuid: id,
      kind,
      contentType: content_type ?? undefined,
      bytes: bytes ?? undefined,
      sha256: sha256 ?? undefined,
    })),
    shareCount: row.share_count,
    viewCounter: row.view_counter,
    pinned: row.pinned,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString(),
  }
}

/** Returns the media of moments, by moment, in their order. */
export async function mediaOf(trx: Tx, momentIds: string[]): Promise<Map<string, MediaRow[]>> {
  if (momentIds.length === 0) return new Map()
  const rows = await trx
    .selectFrom('media')
    .selectAll()
    .where('moment_id', 'in', momentIds)
    .orderBy('moment_id')
    .orderBy('position')
    .execute()
  return Map.groupBy(rows, ({ moment_id }) => moment_id)
}

/** Publishes the state of moments that were changed in this transaction, with their media. */
export async function publishMoments(
  trx: Tx,
  type: EventType<MomentState>,
  rows: MomentRow[],
  cause: Cause,
): Promise<void> {
  const media = await mediaOf(
    trx,
    rows.map(({ id }) => id),
  )
  const events: TypedEvent<MomentState>[] = rows.map((row) => ({
    type,
    source: SOURCE,
    subject: row.id,
    entityVersion: row.version,
    data: toMomentState(row, media.get(row.id) ?? []),
  }))
  await publishAll(trx, events, cause)
}
