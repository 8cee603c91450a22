import { momentPurged, type PurgeReceipt } from '@platform/contracts/moments.ts'
import { publishAll } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import type { Db, MediaRow, MomentRow, Tx } from '../db/schema.ts'
import type { MediaStore } from '../media/store/media-store.ts'
import { mediaOf, SOURCE } from '../moments/publish-moment.ts'
import { claimPurges } from './claim.ts'

export interface PurgeDeps {
  db: Db
  store: MediaStore
  clock: () => Date
  trashDays: number
  /** Default 60,000. */
  leaseMs?: number
}

const DAY_MS = 86_400_000
const LEASE_MS = 60_000

/**
 * Purges a batch of moments: marks them, deletes their objects, verifies that they are gone, then clears the rows and
 * publishes the receipts. The rows of media stay until their objects are gone, so that a crash at any step is resumed and
 * the receipt names every object.
 *
 * @returns false when nothing was due
 */
export async function purgeMoments({ db, store, clock, trashDays, leaseMs = LEASE_MS }: PurgeDeps): Promise<boolean> {
  const now = clock()
  const deletedBefore = new Date(now.getTime() - trashDays * DAY_MS)
  const ids = await claimPurges(db, { now, deletedBefore, leaseMs })
  if (ids.length === 0) return false
  const files = await db
    .selectFrom('media')
    .select('object_key')
    .where('moment_id', 'in', ids)
    .where('object_key', 'is not', null)
    .execute()
  for (const { object_key } of files) if (object_key !== null) await deleteForGood(store, object_key)
  await db.transaction().execute((trx) => finishPurges(trx, ids, clock()))
  return true
}

/** @throws Error when the store still has the object: the purge is taken up again later */
async function deleteForGood(store: MediaStore, key: string): Promise<void> {
  await store.delete(key)
  if (await store.exists(key)) throw new Error('The store still has an object after its deletion.')
}

/** Clears moments whose objects are gone. Leaves out those that another replica has finished meanwhile. */
async function finishPurges(trx: Tx, ids: string[], at: Date): Promise<void> {
  const media = await mediaOf(trx, ids)
  const { rows } = await sql<MomentRow>`
    with mine as materialized (
      select id from moment where id = any(${ids}::uuid[]) and purge_started_at is not null and purged_at is null
      order by id for update
    )
    update moment set purged_at = ${at}, title = null, features = null, has_new_counts = false, version = version + 1,
      last_change = 'purged', changed_xid = pg_current_xact_id(), updated_at = ${at}
    from mine where moment.id = mine.id
    returning moment.*`.execute(trx)
  const purged = rows.map(({ id }) => id)
  if (purged.length === 0) return
  await trx.deleteFrom('media').where('moment_id', 'in', purged).execute()
  const receipts = rows.map((row) => ({
    type: momentPurged,
    source: SOURCE,
    subject: row.id,
    entityVersion: row.version,
    data: toReceipt(row, media.get(row.id) ?? [], at),
  }))
  await publishAll(trx, receipts, { at })
}

function toReceipt({ id, robot_id, source_id }: MomentRow, media: MediaRow[], purgedAt: Date): PurgeReceipt {
  return {
    uuid: id,
    robotUUID: robot_id,
    sourceId: source_id,
    media: media.map(({ id: uuid, object_key, sha256 }) => ({
      uuid,
      objectKey: object_key ?? undefined,
      sha256: sha256 ?? undefined,
    })),
    purgedAt: purgedAt.toISOString(),
  }
}
