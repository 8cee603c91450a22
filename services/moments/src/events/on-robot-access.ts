import { type RobotAccessState, robotAccessGranted, robotAccessRevoked } from '@platform/contracts/robot-access.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { type EventHandler, on } from '@platform/events/consumer.ts'
import { InvalidEvent } from '@platform/events/failures.ts'
import { type AccessKey, grantAccess, lockOrCreateRobot, lockRobot, revokeAccess } from '../access/change-access.ts'
import type { MomentsTables, Tx } from '../db/schema.ts'
import { isErasedAt, nextVersionOf } from './known-version.ts'

/**
 * Follows the system that manages robots. It is authoritative: unlike a request, its event may remove the last owner.
 */
export const onRobotAccessEvents: EventHandler<MomentsTables>[] = [
  on<MomentsTables, RobotAccessState>(robotAccessGranted, async (trx, event) => {
    const key = readKey(event)
    const isErased = await isErasedAt(trx, key.userId, event)
    await lockRobot(trx, key.robotId)
    if (nextVersionOf(await findVersion(trx, key), event, isErased) === 'stale') return
    const at = new Date(event.time)
    // Also a known robot may be about to be erased: it has a user again.
    await lockOrCreateRobot(trx, key.robotId, at)
    const { right, visibleFrom } = event.data
    await grantAccess(trx, { ...key, right, visibleFrom: visibleFrom ? new Date(visibleFrom) : null }, at)
    await noteVersion(trx, key, event.entityversion)
  }),
  on<MomentsTables, RobotAccessState>(robotAccessRevoked, async (trx, event) => {
    const key = readKey(event)
    const isErased = await isErasedAt(trx, key.userId, event)
    await lockRobot(trx, key.robotId)
    const known = await findVersion(trx, key)
    // Nothing is there to revoke. The next grant is applied, because no version is known.
    if (known === undefined) return
    if (nextVersionOf(known, event, isErased) === 'stale') return
    await revokeAccess(trx, key, new Date(event.time))
    await noteVersion(trx, key, event.entityversion)
  }),
]

/** @throws InvalidEvent when subject and data name different rights: versions count per subject */
function readKey({ type, subject, data }: CloudEvent<RobotAccessState>): AccessKey {
  const key = { robotId: data.robotUUID.toLowerCase(), userId: data.userId.toLowerCase() }
  if (subject.toLowerCase() !== `${key.robotId}/${key.userId}`) {
    throw new InvalidEvent(type, ['subject must be ROBOT/USER of the data'])
  }
  return key
}

async function findVersion(trx: Tx, { robotId, userId }: AccessKey): Promise<number | undefined> {
  const access = await trx
    .selectFrom('access')
    .select('event_version')
    .where('robot_id', '=', robotId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return access?.event_version
}

async function noteVersion(trx: Tx, { robotId, userId }: AccessKey, version: number): Promise<void> {
  await trx
    .updateTable('access')
    .set({ event_version: version })
    .where('robot_id', '=', robotId)
    .where('user_id', '=', userId)
    .execute()
}
