import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'
import type { SignedTokens } from '@platform/http/signed-token.ts'

/** The kinds of entries, in the order in which those of one transaction are listed. */
export const RANK = { access: 0, moment: 1, mark: 2 } as const

/**
 * The place of an entry in the list of changes. Entries are ordered by all four fields.
 *
 * A moment's place is its newest change: its own, the caller's mark, or the caller's right on its robot. The last makes a
 * renewed right list all of the robot's moments again, in the order of their own changes.
 */
export interface Place {
  /** The transaction of the newest change, an `xid8`. */
  xid: bigint
  rank: number
  /** The transaction of the moment's own change; 0 for an access or a mark. */
  ownXid: bigint
  /** The robot's or the moment's id. */
  id: string
}

const LEAST_ID = '00000000-0000-0000-0000-000000000000'
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
export const START: Place = { xid: 0n, rank: RANK.access, ownXid: 0n, id: LEAST_ID }

/** A bound of an index by (transaction, id): what follows has greater values. */
export interface Bound {
  xid: bigint
  id: string
}

const before = (xid: bigint): Bound => (xid === 0n ? START : { xid: xid - 1n, id: GREATEST_ID })
const behind = (xid: bigint): Bound => ({ xid, id: GREATEST_ID })

/** Where each source of entries continues after a place. */
export interface Bounds {
  access: Bound
  /** Moments whose own change is newer than the right. */
  fresh: Bound
  /** Moments of a right that was granted in the place's own transaction, by their own changes. */
  granted: Bound
  mark: Bound
}

export function boundsAfter({ xid, rank, ownXid, id }: Place): Bounds {
  const isBackfill = rank === RANK.moment && ownXid < xid
  return {
    access: rank === RANK.access ? { xid, id } : behind(xid),
    fresh: rank === RANK.access || isBackfill ? before(xid) : rank === RANK.moment ? { xid, id } : behind(xid),
    granted:
      rank === RANK.access ? { xid: 0n, id: LEAST_ID } : rank === RANK.moment ? { xid: ownXid, id } : behind(xid),
    mark: rank === RANK.mark ? { xid, id } : before(xid),
  }
}

const listName = (userId: string) => `changes ${userId}`
const XID = /^\d{1,20}$/

export function writePlace(tokens: SignedTokens, userId: string, { xid, rank, ownXid, id }: Place): string {
  return tokens.write(listName(userId), [String(xid), rank, String(ownXid), id])
}

/** @throws DomainError `validation` for a token that is not of the user's list of changes */
export function readPlace(tokens: SignedTokens, userId: string, token: string): Place {
  const [xid, rank, ownXid, id] = tokens.read(listName(userId), token) ?? []
  const isPlace =
    typeof xid === 'string' &&
    XID.test(xid) &&
    typeof ownXid === 'string' &&
    XID.test(ownXid) &&
    typeof rank === 'number'
  if (!isPlace || typeof id !== 'string' || !isUuid(id)) {
    throw new DomainError('validation', 'query.since is not a position in your changes')
  }
  return { xid: BigInt(xid), rank, ownXid: BigInt(ownXid), id }
}
