import {
  ERASING_SERVICES,
  type ErasingService,
  type ErasureState,
  erasureCompleted,
  erasureRequested,
} from '@platform/contracts/erasure.ts'
import { addErasureJob } from '@platform/erasure/jobs.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import { v7 as uuidv7 } from 'uuid'
import type { Db, ErasurePartRow, ErasureRow, Tx } from '../db/schema.ts'
import { SOURCE } from '../groups/source.ts'
import { refuseGroupsInTheWay } from './in-the-way.ts'

/**
 * Begins to erase all that is known of a person, in every service. Nothing happens while that is under way. Groups that
 * get in the way from now on, because somebody joins or an admin leaves, are passed on as if it had been forced: what
 * was accepted is carried out.
 *
 * The other services come first, groups last: a group that is deleted takes its posts with it, which would tell of their
 * author once more.
 *
 * @param isForced passes groups that are in the way to their longest-standing participant
 * @throws DomainError `conflict` that names the groups in the way
 */
export async function requestErasure(
  trx: Tx,
  userId: string,
  { isForced }: { isForced: boolean },
  cause: Cause,
): Promise<void> {
  if (!isForced) await refuseGroupsInTheWay(trx, userId)
  const erasure = await trx
    .insertInto('erasure')
    .values({ id: uuidv7(), user_id: userId, requested_at: cause.at, completed_at: null })
    .onConflict((oc) => oc.column('user_id').where('completed_at', 'is', null).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!erasure) return
  await trx
    .insertInto('erasure_part')
    .values(ERASING_SERVICES.map((service) => ({ erasure_id: erasure.id, service, since: cause.at })))
    .execute()
  const data = { ...toState(erasure), userId }
  // An admin's id may be told, the person's own stays out of everything but the request itself.
  const actorId = cause.actorId === userId ? undefined : cause.actorId
  const event = { source: SOURCE, subject: erasure.id, entityVersion: 1, data }
  await publish(trx, erasureRequested, event, { ...cause, actorId })
}

/** How far a service is with its part, as it has just told. */
export interface PartProgress {
  erasureId: string
  service: ErasingService
  erased: number
  version: number
  isComplete: boolean
}

/** Notes how far a service is. After the others it is our own turn, and with that the erasure is complete. */
export async function notePart(
  trx: Tx,
  { erasureId, service, erased, version, isComplete }: PartProgress,
  cause: Cause,
): Promise<void> {
  // Of two services that complete at once, the second sees that the first has.
  const erasure = await trx
    .selectFrom('erasure')
    .selectAll()
    .where('id', '=', erasureId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  const state = isComplete ? 'completed' : 'working'
  await trx
    .updateTable('erasure_part')
    .set((eb) => ({
      state,
      since: eb.case().when('state', '=', state).then(eb.ref('since')).else(cause.at).end(),
      erased,
      version,
    }))
    .where('erasure_id', '=', erasureId)
    .where('service', '=', service)
    .execute()
  if (isComplete) await goOn(trx, erasure, cause)
}

async function goOn(trx: Tx, erasure: ErasureRow, cause: Cause): Promise<void> {
  const open = await trx
    .selectFrom('erasure_part')
    .select('service')
    .where('erasure_id', '=', erasure.id)
    .where('state', '!=', 'completed')
    .execute()
  if (open.length === 0) await completeErasure(trx, erasure, cause)
  else if (open.every(({ service }) => service === 'groups')) {
    await addErasureJob(trx, { erasureId: erasure.id, userId: erasure.user_id, traceparent: cause.traceparent })
  }
}

async function completeErasure(trx: Tx, erasure: ErasureRow, cause: Cause): Promise<void> {
  const completed = await trx
    .updateTable('erasure')
    .set({ completed_at: cause.at })
    .where('id', '=', erasure.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const event = { source: SOURCE, subject: erasure.id, entityVersion: 2, data: toState(completed) }
  await publish(trx, erasureCompleted, event, { ...cause, actorId: undefined })
}

function toState({ id, requested_at, completed_at }: ErasureRow): ErasureState {
  return {
    id,
    services: [...ERASING_SERVICES],
    requestedAt: requested_at.toISOString(),
    completedAt: completed_at?.toISOString(),
  }
}

/** The newest erasure of a person's data, with its parts; undefined when there was none. */
export async function findErasure(
  db: Db,
  userId: string,
): Promise<{ erasure: ErasureRow; parts: ErasurePartRow[] } | undefined> {
  const erasure = await db
    .selectFrom('erasure')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('requested_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!erasure) return undefined
  const parts = await db
    .selectFrom('erasure_part')
    .selectAll()
    .where('erasure_id', '=', erasure.id)
    .orderBy('service')
    .execute()
  return { erasure, parts }
}
