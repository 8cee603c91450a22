import type { CloudEvent } from './cloud-event.ts'
import { VersionGap } from './failures.ts'

/**
 * Whether a read model takes an event: the next version is applied, what it has already is stale. Later versions wait,
 * but for a snapshot, which stands alone.
 *
 * Read `current` with a lock on the row, or in the same statement that overwrites it.
 *
 * @param current the version that the read model has of the event's subject; undefined when it has none
 * @throws VersionGap when versions between are missing; leave it to the consumer, which keeps the event for later
 */
export function nextVersion(current: number | undefined, event: CloudEvent): 'apply' | 'stale' {
  const version = event.entityversion
  if (version <= (current ?? 0)) return 'stale'
  if (version === (current ?? 0) + 1 || event.snapshot) return 'apply'
  throw new VersionGap(event.subject, current, version)
}
