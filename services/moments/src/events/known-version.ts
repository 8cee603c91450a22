import { actorOf } from '@platform/erasure/erased.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { nextVersion } from '@platform/events/versions.ts'
import type { Tx } from '../db/schema.ts'

/**
 * Decides whether a read model takes an event about a person.
 *
 * As `nextVersion`, except where no version is known. An erasure takes the versions of what it erases, so a later event
 * has no predecessor here, and waiting for one would hold up its key for ever. Each event carries the whole state, so
 * any version is applied then; but an event of the time before the erasure does not bring the person back.
 *
 * @param isErased true when the person's erasure covers the time of the event, see `isErasedAt`
 * @param known the version in the read model; undefined or 0 for none
 */
export function nextVersionOf(known: number | undefined, event: CloudEvent, isErased: boolean): 'apply' | 'stale' {
  if (known) return nextVersion(known, event)
  return isErased ? 'stale' : 'apply'
}

/** Returns true when the person was erased after the event. Ask before locking rows that the erasure locks, too. */
export async function isErasedAt(trx: Tx, userId: string, { time }: Pick<CloudEvent, 'time'>): Promise<boolean> {
  return (await actorOf(trx, { actorid: userId, time })) === undefined
}
