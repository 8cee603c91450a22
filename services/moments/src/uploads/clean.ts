import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { MediaStore } from '../media/store/media-store.ts'

export interface CleanDeps {
  db: Db
  store: MediaStore
  clock: () => Date
  /** Lifetime of an upload URL; objects are kept for twice that. */
  uploadMinutes: number
}

const BATCH = 50
// A replica that dies leaves its batch to the others after this.
const LEASE_MS = 60_000

interface AbandonedUpload {
  id: string
  object_key: string
}

/**
 * Ends a batch of uploads whose time is over. Objects that no media row has are deleted, and their upload rows after them;
 * of the others only the upload row goes. A crash at any step is resumed: the row stays until its object is gone.
 *
 * @returns false when there was nothing to do
 */
export async function cleanUploads({ db, store, clock, uploadMinutes }: CleanDeps): Promise<boolean> {
  const now = clock()
  const due = new Date(now.getTime() - uploadMinutes * 60_000)
  const settled = await forgetSettled(db, due)
  const abandoned = [...(await abandonUnclaimed(db, { due, now })), ...(await abandonPurged(db, { due, now }))]
  for (const { object_key } of abandoned) await store.delete(object_key)
  const ids = abandoned.map(({ id }) => id)
  if (ids.length > 0) await db.deleteFrom('upload').where('id', 'in', ids).execute()
  return settled + abandoned.length > 0
}

/** Deletes the rows of uploads that a media row points to. */
async function forgetSettled(db: Db, due: Date): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    delete from upload where id = any(array(
      select upload.id from upload join media on media.id = upload.id
      where upload.url_expires_at < ${due} and upload.moment_id is not null
      order by upload.url_expires_at limit ${BATCH}))`.execute(db)
  return Number(numAffectedRows)
}

interface CleanTimes {
  due: Date
  now: Date
}

/** Takes uploads that no moment has named: from here on none can. */
async function abandonUnclaimed(db: Db, { due, now }: CleanTimes): Promise<AbandonedUpload[]> {
  const { rows } = await sql<AbandonedUpload>`
    with due as materialized (
      select id from upload
      where url_expires_at < ${due} and moment_id is null and (abandoned_at is null or abandoned_at < ${leaseEnd(now)})
      order by url_expires_at limit ${BATCH}
      for update skip locked
    )
    update upload set abandoned_at = ${now} from due where upload.id = due.id
    returning upload.id, upload.object_key`.execute(db)
  return rows
}

/**
 * Takes uploads whose moment was purged, since their files may have been sent again while the URL was valid. Two
 * statements: one would look for media in a snapshot that may be older than the claim it waited for.
 */
async function abandonPurged(db: Db, { due, now }: CleanTimes): Promise<AbandonedUpload[]> {
  const claimed = await db
    .selectFrom('upload')
    .select('id')
    .where('url_expires_at', '<', due)
    .where('moment_id', 'is not', null)
    .orderBy('url_expires_at')
    .limit(BATCH)
    .execute()
  if (claimed.length === 0) return []
  const { rows } = await sql<AbandonedUpload>`
    update upload set abandoned_at = ${now}
    where id = any(${claimed.map(({ id }) => id)}::uuid[])
      and (abandoned_at is null or abandoned_at < ${leaseEnd(now)})
      and not exists (select from media where media.id = upload.id)
    returning id, object_key`.execute(db)
  return rows
}

const leaseEnd = (now: Date): Date => new Date(now.getTime() - LEASE_MS)
