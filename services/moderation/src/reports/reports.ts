import type { Cause } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { ItemRow, ReportRow, Tx } from '../db/schema.ts'
import { followOwner } from '../items/follow-owner.ts'
import { lockItem, notFound, type Seen } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'
import { moveItem } from '../transitions/move.ts'
import { isDecision } from '../transitions/status-machine.ts'

export interface NewReport {
  entityId: string
  reporterId: string
  reason: string
  comment?: string | null | undefined
}

/** Whether somebody has decided on exactly what can be read now, so that there is nothing to report. */
export function isSettled(item: ItemRow): boolean {
  return isDecision(item.status) && item.status_revision === item.content_revision
}

/**
 * Takes a report. The one with which `threshold` different people have an open report on content that nobody has
 * doubted yet flags it, in their name.
 *
 * @throws DomainError `not_found`; `conflict` for a second report of the same person, and for content that was decided
 *   on and has not been edited since
 */
export async function fileReport(
  trx: Tx,
  kind: EntityKind,
  seen: Seen,
  report: NewReport,
  threshold: number,
  cause: Cause,
): Promise<ReportRow> {
  const item = seen.asked
    ? await followOwner(trx, kind, seen.asked, undefined, cause)
    : await lockItem(trx, kind.type, report.entityId)
  if (!item || item.deleted_at) throw notFound(kind)
  if (isSettled(item)) {
    throw new DomainError('conflict', `The ${kind.type} has been decided on; it can be reported after an edit.`)
  }
  const row = await trx
    .insertInto('report')
    .values({
      id: uuidv7(),
      entity_type: item.entity_type,
      entity_id: item.entity_id,
      reporter_id: report.reporterId,
      round: item.report_round,
      content_revision: item.content_revision,
      reason: report.reason,
      comment: report.comment ?? null,
      created_at: cause.at,
    })
    .onConflict((oc) => oc.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw new DomainError('conflict', `You have reported this ${kind.type} already.`)
  await countReport(trx, item, report, threshold, cause)
  return row
}

async function countReport(
  trx: Tx,
  item: ItemRow,
  { reporterId }: NewReport,
  threshold: number,
  cause: Cause,
): Promise<void> {
  const counted = await trx
    .updateTable('item')
    .set({ open_report_count: sql`open_report_count + 1` })
    .where('entity_type', '=', item.entity_type)
    .where('entity_id', '=', item.entity_id)
    .returningAll()
    .executeTakeFirstOrThrow()
  // In review or flagged it waits for a decision as it is.
  const isUndoubted = counted.status === 'posted' || counted.status === 'approved'
  if (!isUndoubted || counted.open_report_count < threshold) return
  const flag = { to: 'flagged', actorId: reporterId, callerId: reporterId, reason: 'reports' } as const
  await moveItem(trx, counted, flag, cause)
}
