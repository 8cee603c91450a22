import type { Caller } from '@platform/http/assertion.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import { type MomentViewRow, markJoin, momentColumns } from '../moments/moment-view.ts'

/** A moment in the trash. */
export interface TrashRow extends MomentViewRow {
  deleted_at: Date
}

/**
 * Returns a page of the trash of the caller's own robots, newest deletion first, and the number of all entries. Moments
 * whose purge has started are left out: they cannot be restored.
 *
 * @param page counts from 1
 */
export async function listTrash(
  db: Db,
  { userId }: Caller,
  { page, limit }: PageRequest,
): Promise<{ rows: TrashRow[]; total: number }> {
  const trashed = sql`
    moment join access on access.robot_id = moment.robot_id and access.user_id = ${userId}
      and access."right" = 'owner' and access.revoked_at is null
      and coalesce(access.visible_from, '-infinity') <= moment.captured_at
      and moment.deleted_at is not null and moment.purged_at is null and moment.purge_started_at is null`
  const counted = await sql<{ total: number }>`select count(*)::int as total from ${trashed}`.execute(db)
  const total = counted.rows[0]?.total ?? 0
  const offset = (page - 1) * limit
  if (offset >= total) return { rows: [], total }
  const { rows } = await sql<TrashRow>`
    select ${momentColumns}
    from ${trashed} ${markJoin(userId)}
    order by moment.deleted_at desc, moment.id desc
    offset ${offset} limit ${limit}`.execute(db)
  return { rows, total }
}
