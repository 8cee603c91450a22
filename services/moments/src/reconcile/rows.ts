import { Slots } from '@platform/events/waiting.ts'
import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { ReconcileDeps } from './reconcile.ts'

/** A media row whose object the store does not have. */
export interface MissingObject {
  mediaId: string
  momentId: string
  objectKey: string
}

interface StoredRow {
  id: string
  moment_id: string
  object_key: string
}

const PAGE = 500
// Requests to the store at once.
const CONCURRENCY = 8

/** Returns how many media rows have an object, and those whose object is missing. Moments that are being purged are left out. */
export async function findMissingObjects({
  db,
  store,
  pageSize = PAGE,
}: ReconcileDeps): Promise<{ rows: number; missing: MissingObject[] }> {
  const slots = new Slots(CONCURRENCY)
  const missing: MissingObject[] = []
  let rows = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const page = await readPage(db, after, pageSize)
    rows += page.length
    const checked = await Promise.all(
      page.map((row) => slots.run(async () => ({ row, isThere: await store.exists(row.object_key) }))),
    )
    const absent = checked.filter(({ isThere }) => !isThere).map(({ row }) => row.id)
    // Again: the moment may have been purged since its row was read.
    for (const { id, moment_id, object_key } of absent.length === 0 ? [] : await readRows(db, absent)) {
      missing.push({ mediaId: id, momentId: moment_id, objectKey: object_key })
    }
    const last = page.at(-1)
    if (!last || page.length < pageSize) return { rows, missing }
    after = last.id
  }
}

async function readPage(db: Db, after: string, limit: number): Promise<StoredRow[]> {
  const { rows } = await sql<StoredRow>`
    select media.id, media.moment_id, media.object_key
    from media join moment on moment.id = media.moment_id
    where media.id > ${after} and media.object_key is not null and moment.purge_started_at is null
    order by media.id limit ${limit}`.execute(db)
  return rows
}

async function readRows(db: Db, ids: string[]): Promise<StoredRow[]> {
  const { rows } = await sql<StoredRow>`
    select media.id, media.moment_id, media.object_key
    from media join moment on moment.id = media.moment_id
    where media.id = any(${ids}::uuid[]) and moment.purge_started_at is null`.execute(db)
  return rows
}
