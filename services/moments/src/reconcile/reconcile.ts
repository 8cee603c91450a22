import type { Db } from '../db/schema.ts'
import type { MediaStore } from '../media/store/media-store.ts'
import { countObjects, deleteOrphans, type Orphans } from './objects.ts'
import { findMissingObjects, type MissingObject } from './rows.ts'

export interface ReconcileDeps {
  db: Db
  store: MediaStore
  now: Date
  /** Objects and rows looked at at once; default 500. */
  pageSize?: number
}

/** The result of a comparison of store and rows. */
export interface ReconcileReport extends Orphans {
  rows: number
  missing: MissingObject[]
  /** Orphans that were deleted. */
  deleted: number
  /** True when orphans stay because they are more than half of all objects. */
  isRefused: boolean
}

/**
 * Compares store and rows both ways, page by page. Every page stands alone: a comparison that was interrupted is started
 * again and finds what is left.
 *
 * @param isFix delete orphan objects, unless they are more than half of all: then settings are wrong rather than the store
 */
export async function reconcile(deps: ReconcileDeps, isFix: boolean): Promise<ReconcileReport> {
  const orphans = await countObjects(deps)
  const { rows, missing } = await findMissingObjects(deps)
  const isRefused = isFix && orphans.orphans * 2 > orphans.objects
  const deleted = isFix && !isRefused ? await deleteOrphans(deps, Math.floor(orphans.objects / 2)) : 0
  return { ...orphans, rows, missing, deleted, isRefused }
}
