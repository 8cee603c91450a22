import type { Logger } from '@platform/log/logger.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import type { Db } from './db/schema.ts'
import type { MediaStore } from './media/store/media-store.ts'
import { forgetTombstones } from './purge/forget-tombstones.ts'
import { purgeMoments } from './purge/purge.ts'
import { cleanUploads } from './uploads/clean.ts'

export interface HousekeepingDeps {
  db: Db
  store: MediaStore
  clock: () => Date
  log: Logger
  uploadMinutes: number
  trashDays: number
  tombstoneDays: number
  purgeLeaseMs: number
  /** How often to look for work. */
  pollMs: number
  onPublished: () => void
}

/** Work on what time has ended: uploads, moments in the trash, tombstones. */
export interface Housekeeping {
  /** Moments were sent to the purge: don't wait for the next look. */
  wakePurge(): void
  stop(): Promise<void>
}

const DAY_MS = 86_400_000

/** Starts cleaning up and purging in the background. Replicas share the work. */
export function startHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { db, clock, log, pollMs, onPublished } = deps
  const purging = new BackgroundWork({
    name: 'purge',
    log,
    pollMs,
    work: () => purgeMoments({ ...deps, leaseMs: deps.purgeLeaseMs }),
    onDone: onPublished,
  })
  const cleaning = new BackgroundWork({ name: 'upload cleaning', log, pollMs, work: () => cleanUploads(deps) })
  const forgetting = new BackgroundWork({
    name: 'tombstones',
    log,
    pollMs,
    work: () => forgetTombstones(db, new Date(clock().getTime() - deps.tombstoneDays * DAY_MS)),
  })
  return {
    wakePurge: () => purging.wake(),
    stop: async () => {
      await Promise.all([purging.stop(), cleaning.stop(), forgetting.stop()])
    },
  }
}
