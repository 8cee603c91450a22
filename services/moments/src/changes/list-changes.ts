import type { Caller } from '@platform/http/assertion.ts'
import type { Deps } from '../deps.ts'
import { toMoment, type ViewContext } from '../moments/moment-view.ts'
import { toMomentRow } from '../timeline/moment-json.ts'
import { type ChangeRow, changesValues, runChanges } from './changes-query.ts'
import { RANK, readPlace, START, writePlace } from './place.ts'
import type { Change, ChangesPage, ChangesQuery } from './shapes.ts'

/**
 * Returns what has changed for the caller behind a place, in commit order: moments of their robots, their own marks, and
 * their rights. Each moment is listed once, at the place of its newest change.
 *
 * @throws DomainError `validation` for a place that is not of the caller's list
 */
export async function listChanges(
  { db, clock, tokens, addresses }: Pick<Deps, 'db' | 'clock' | 'tokens' | 'addresses'>,
  { userId }: Pick<Caller, 'userId'>,
  { since, limit }: ChangesQuery,
): Promise<ChangesPage> {
  const place = since === undefined ? START : readPlace(tokens, userId, since)
  const rows = await runChanges(db, changesValues(userId, place, limit))
  const last = rows.at(-1)
  const next = last ? { xid: BigInt(last.xid), rank: last.rank, ownXid: BigInt(last.own_xid), id: last.id } : place
  const context = { addresses, now: clock() }
  return {
    data: await Promise.all(rows.map((row) => toChange(row, context))),
    next: writePlace(tokens, userId, next),
  }
}

async function toChange(row: ChangeRow, context: ViewContext): Promise<Change> {
  if (row.rank === RANK.access) {
    return row.is_revoked
      ? { change: 'accessRevoked', robotUUID: row.robot_id }
      : {
          change: 'accessGranted',
          robotUUID: row.robot_id,
          visibleFrom: row.visible_from?.toISOString() ?? null,
        }
  }
  return {
    change: row.change,
    momentUUID: row.id,
    robotUUID: row.robot_id,
    moment: row.moment ? await toMoment(toMomentRow(row.moment), context) : undefined,
  }
}
