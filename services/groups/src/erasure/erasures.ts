import { type ErasureState, erasureCompleted, erasureRequested } from '@platform/contracts/erasure.ts'
import { addErasureJob } from '@platform/erasure/jobs.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import { ERASING_SERVICES, type ErasingService } from '@platform/platform/registry.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Db, ErasurePartRow, ErasureRow, Tx } from '../db/schema.ts'
import { SOURCE } from '../groups/source.ts'
import { refuseGroupsInTheWay } from './in-the-way.ts'

/**
 * Begins to erase all that is known of a person, in every service. Groups that get in the way from now on, because
 * somebody joins or an admin leaves, are passed on as if it had been forced: what was accepted is carried out.
 *
 * The other services come first, groups last: a group that is deleted takes its posts with it, which would tell of their
 * author once more.
 *
 * Nothing happens while that is under way, until a service has done its part. What the person has done there since would
 * stay, so another erasure follows: as accepted, and as forced, as the one under way.
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
  let isTaken = false
  // The one that is open may complete between the two.
  while (!isTaken) {
    isTaken = (await beginErasure(trx, userId, cause.at, cause)) || (await askAgain(trx, userId, cause.at))
  }
}

/** @returns false when one is open */
async function beginErasure(trx: Tx, userId: string, requestedAt: Date, cause: Cause): Promise<boolean> {
  const erasure = await trx
    .insertInto('erasure')
    .values({ id: uuidv7(), user_id: userId, requested_at: requestedAt })
    .onConflict((oc) => oc.column('user_id').where('completed_at', 'is', null).doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!erasure) return false
  await trx
    .insertInto('erasure_part')
    .values(ERASING_SERVICES.map((service) => ({ erasure_id: erasure.id, service, since: cause.at })))
    .execute()
  const data = { ...toState(erasure), userId }
  // An admin's id may be told, the person's own stays out of everything but the request itself.
  const actorId = cause.actorId === userId ? undefined : cause.actorId
  const event = { source: SOURCE, subject: erasure.id, entityVersion: 1, data }
  await publish(trx, erasureRequested, event, { ...cause, actorId })
  return true
}

/** @returns false when none is open */
async function askAgain(trx: Tx, userId: string, at: Date): Promise<boolean> {
  // Whoever completes a part holds this lock, too: the statement after it sees which are complete.
  const open = await trx
    .selectFrom('erasure')
    .select('id')
    .where('user_id', '=', userId)
    .where('completed_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!open) return false
  await sql`
    update erasure set
      asked_again_at = greatest(asked_again_at, ${at}),
      is_once_more = is_once_more or
        exists (select from erasure_part where erasure_id = erasure.id and state = 'completed')
    where id = ${open.id}`.execute(trx)
  return true
}

/** How far a service is with its part, as it has just told. */
export interface PartProgress {
  erasureId: string
  service: ErasingService
  erased: number
  version: number
  /** By the service's own clock: before it looked for the last time, and found nothing. */
  completedAt: Date | undefined
}

/** Notes how far a service is. After the others it is our own turn, and with that the erasure is complete. */
export async function notePart(
  trx: Tx,
  { erasureId, service, erased, version, completedAt }: PartProgress,
  cause: Cause,
): Promise<void> {
  // Of two services that complete at once, the second sees that the first has.
  const erasure = await trx
    .selectFrom('erasure')
    .selectAll()
    .where('id', '=', erasureId)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow()
  const state = completedAt ? 'completed' : 'working'
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
  if (!completedAt) return
  // It was requested again before we learned that the part was complete.
  if (erasure.asked_again_at && erasure.asked_again_at >= completedAt) {
    await trx.updateTable('erasure').set({ is_once_more: true }).where('id', '=', erasureId).execute()
  }
  await goOn(trx, erasure, cause)
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
    const { id: erasureId, user_id: userId, requested_at: requestedAt } = erasure
    await addErasureJob(trx, { erasureId, userId, requestedAt, traceparent: cause.traceparent })
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
  const nobodys = { ...cause, actorId: undefined }
  await publish(trx, erasureCompleted, event, nobodys)
  const { user_id, is_once_more, asked_again_at } = completed
  if (is_once_more) await beginErasure(trx, user_id, asked_again_at ?? cause.at, nobodys)
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
    .orderBy('id', 'desc')
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
