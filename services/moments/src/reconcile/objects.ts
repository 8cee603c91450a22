import { sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { ListedObject } from '../media/store/media-store.ts'
import type { ReconcileDeps } from './reconcile.ts'

/** Objects of the store, as the rows know them. */
export interface Orphans {
  objects: number
  /** Objects that no row points to and that are older than a day. */
  orphans: number
  orphanBytes: number
}

// An object may be younger than the row that will point to it. A day is longer than any upload takes.
const ORPHAN_AGE_MS = 86_400_000
const PAGE = 500

/** Counts all objects and the orphans among them. */
export async function countObjects(deps: ReconcileDeps): Promise<Orphans> {
  const counts: Orphans = { objects: 0, orphans: 0, orphanBytes: 0 }
  for await (const page of pages(deps)) {
    counts.objects += page.length
    for (const { bytes } of await orphansOf(deps, page)) {
      counts.orphans++
      counts.orphanBytes += bytes
    }
  }
  return counts
}

/**
 * Deletes orphans. Each page is looked up again right before, since rows may have come since they were counted.
 *
 * @param most how many may be deleted at most
 */
export async function deleteOrphans(deps: ReconcileDeps, most: number): Promise<number> {
  let deleted = 0
  for await (const page of pages(deps)) {
    for (const { key } of await orphansOf(deps, page)) {
      if (deleted === most) return deleted
      await deps.store.delete(key)
      deleted++
    }
  }
  return deleted
}

async function* pages({ store, pageSize = PAGE }: ReconcileDeps): AsyncGenerator<ListedObject[]> {
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const { objects, next } = await store.list({ after, limit: pageSize })
    if (objects.length > 0) yield objects
    after = next
  }
}

async function orphansOf({ db, now }: ReconcileDeps, page: ListedObject[]): Promise<ListedObject[]> {
  const latest = new Date(now.getTime() - ORPHAN_AGE_MS)
  const old = page.filter(({ modifiedAt }) => modifiedAt < latest)
  if (old.length === 0) return []
  const known = await findKnownKeys(
    db,
    old.map(({ key }) => key),
  )
  return old.filter(({ key }) => !known.has(key))
}

/** An upload that is announced or being cleaned up counts as known: its row outlives its object. */
async function findKnownKeys(db: Db, keys: string[]): Promise<Set<string>> {
  const { rows } = await sql<{ key: string }>`
    select object_key as key from media where object_key = any(${keys})
    union all select object_key from upload where object_key = any(${keys})`.execute(db)
  return new Set(rows.map(({ key }) => key))
}
