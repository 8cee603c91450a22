import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import type { Db, ItemRow, TransitionRow, Tx } from '../db/schema.ts'
import { followOwner } from '../items/follow-owner.ts'
import { findItem, notFound, type Seen } from '../items/items.ts'
import type { EntityKind } from '../items/kind.ts'
import { type Move, moveItem } from './move.ts'
import { isAllowed } from './status-machine.ts'

export interface Decision extends Move {
  /** The content's revision that was decided on; absent when any will do. */
  revision?: number | undefined
  /** When the request reached the platform. What others did after that was not known to whoever made it. */
  askedAt?: Date | undefined
}

/** An item's newest transition, with the revision that its content has now. */
export interface Decided {
  transition: TransitionRow
  contentRevision: number
}

/**
 * Moves content to another status: a compare-and-set against what was seen when the request came in. Of two who decide
 * at once one wins; the other gets the winner's record where both said the same, and is refused where not.
 *
 * @param seen read before the transaction, so that what happens meanwhile is noticed
 * @returns the new record, or the latest one when the content has this status already
 * @throws DomainError `not_found`; `conflict` for a move that is not allowed, for content that has changed since the
 *   revision that was decided on, and for whoever was slower
 */
export async function decide(
  trx: Tx,
  kind: EntityKind,
  seen: Seen,
  decision: Decision,
  cause: Cause,
): Promise<Decided> {
  const item = seen.item ?? (seen.asked && (await followOwner(trx, kind, seen.asked, undefined, cause)))
  if (!item || item.deleted_at) throw notFound(kind)
  const standing = await findStanding(trx, item, decision)
  if (standing) return standing
  if (!isAllowed(item.status, decision.to)) {
    throw new DomainError('conflict', `The ${kind.type} cannot go from ${item.status} to ${decision.to}.`)
  }
  if (await isOvertaken(trx, item, decision)) throw decidedElsewhere(kind)
  // What nobody had seen here before had no transition; if it has one now, somebody was faster.
  const expected = { ...item, transition_count: seen.item?.transition_count ?? 0 }
  const moved = await moveItem(trx, expected, decision, cause)
  if (moved) return { transition: moved.transition, contentRevision: moved.item.content_revision }

  const now = await findItem(trx, kind.type, item.entity_id)
  if (!now || now.deleted_at) throw notFound(kind)
  const sameFromElsewhere = await findStanding(trx, now, decision)
  if (sameFromElsewhere) return sameFromElsewhere
  throw decidedElsewhere(kind)
}

const decidedElsewhere = ({ type }: EntityKind) =>
  new DomainError('conflict', `The ${type} has been changed or decided on by somebody else.`)

/** Whether somebody else moved the item while this request was on its way here; as exactly as clocks agree. */
async function isOvertaken(trx: Tx, item: ItemRow, { askedAt, callerId }: Decision): Promise<boolean> {
  if (!askedAt || item.transition_count === 0 || item.status_since <= askedAt) return false
  return (await findTransition(trx, item))?.caller_id !== callerId
}

/**
 * @returns the latest record when the item has the status that is asked for
 * @throws DomainError `conflict` when the content has another revision than the one decided on, or when it is `posted`,
 *   is to be `posted`, and so has no record to give
 */
async function findStanding(trx: Tx, item: ItemRow, { to, revision }: Decision): Promise<Decided | undefined> {
  if (revision !== undefined && revision !== item.content_revision) {
    throw new DomainError('conflict', `The content has changed: its revision is ${item.content_revision} now.`)
  }
  if (item.status !== to) return undefined
  const transition = await findTransition(trx, item)
  if (!transition) throw neverMoved(item.status)
  return { transition, contentRevision: item.content_revision }
}

const neverMoved = (status: ModerationStatus) =>
  new DomainError('conflict', `The content is ${status} and was never moved, so there is no transition to answer with.`)

function findTransition(db: Db, item: ItemRow): Promise<TransitionRow | undefined> {
  return db
    .selectFrom('transition')
    .selectAll()
    .where('entity_type', '=', item.entity_type)
    .where('entity_id', '=', item.entity_id)
    .where('number', '=', item.transition_count)
    .executeTakeFirst()
}

/** A page of an item's audit trail, newest first. Numbers have no holes, so each page costs the same. */
export async function listTransitions(db: Db, item: ItemRow, { page, limit }: PageRequest): Promise<TransitionRow[]> {
  const newest = item.transition_count - page * limit
  if (newest <= 0) return []
  return db
    .selectFrom('transition')
    .selectAll()
    .where('entity_type', '=', item.entity_type)
    .where('entity_id', '=', item.entity_id)
    .where('number', '<=', newest)
    .where('number', '>', newest - limit)
    .orderBy('number', 'desc')
    .execute()
}
