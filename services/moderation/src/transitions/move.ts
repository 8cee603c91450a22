import { NOBODY } from '@platform/contracts/erasure.ts'
import { transitionRecorded } from '@platform/contracts/moderation.ts'
import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { ItemRow, TransitionRow, Tx } from '../db/schema.ts'
import { recount } from '../items/totals.ts'
import { isDecision } from './status-machine.ts'
import { toRecord } from './transition-record.ts'

/** Says where events come from. */
export const SOURCE = '/services/moderation'

/** Where an item goes, who moves it, and what they say about it. */
export interface Move {
  to: ModerationStatus
  actorId: string
  /** Who asked for it; absent when it happens by itself. */
  callerId?: string
  reason?: string | undefined
  comment?: string | null | undefined
}

/** An item after its move, and the record of it. */
export interface Moved {
  item: ItemRow
  transition: TransitionRow
}

/**
 * Moves an item, if it still is as it was seen: same content, same number of transitions. Its record, its event and the
 * totals go with it. Whether the move is allowed was checked on the item that was seen.
 *
 * @returns undefined when somebody else was faster, and nothing was written
 */
export async function moveItem(trx: Tx, seen: ItemRow, move: Move, cause: Cause): Promise<Moved | undefined> {
  const item = await trx
    .updateTable('item')
    .set({
      status: move.to,
      status_since: cause.at,
      status_revision: sql`content_revision`,
      transition_count: sql`transition_count + 1`,
      ...(isDecision(move.to) && { report_round: sql`report_round + 1`, open_report_count: 0 }),
    })
    .where('entity_type', '=', seen.entity_type)
    .where('entity_id', '=', seen.entity_id)
    .where('transition_count', '=', seen.transition_count)
    .where('content_revision', '=', seen.content_revision)
    .where('deleted_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  if (!item) return undefined
  const transition = await trx
    .insertInto('transition')
    .values({
      id: uuidv7(),
      entity_type: item.entity_type,
      entity_id: item.entity_id,
      number: item.transition_count,
      subject_id: item.subject_id,
      actor_id: move.actorId,
      caller_id: move.callerId ?? null,
      previous_status: seen.status,
      new_status: move.to,
      reason: move.reason ?? null,
      comment: move.comment ?? null,
      content_revision: item.content_revision,
      created_at: cause.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recount(trx, item.entity_id, { from: seen, to: item })
  await publish(
    trx,
    transitionRecorded,
    {
      source: SOURCE,
      subject: transition.entity_id,
      entityVersion: transition.number,
      data: toRecord(transition),
    },
    { ...cause, actorId: move.actorId === NOBODY ? undefined : move.actorId },
  )
  return { item, transition }
}
