import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { isUuid } from '@platform/http/schemas.ts'
import { sql } from 'kysely'
import { findRight } from '../access/access.ts'
import type { Db, MomentRow, Right, Tx } from '../db/schema.ts'
import { type MomentViewRow, markJoin, momentColumns } from './moment-view.ts'

/** The messages of an operation's refusals, as the source document words them. */
export interface Refusals {
  invalid: string
  notFound: string
  forbidden: string
}

/**
 * Returns a moment's id in lower case.
 *
 * @throws DomainError `validation` with the operation's message
 */
export function readMomentUUID(text: string, { invalid }: Pick<Refusals, 'invalid'>): string {
  if (!isUuid(text)) throw new DomainError('validation', invalid)
  return text.toLowerCase()
}

/**
 * Returns a moment that is not deleted and that the caller has the right on.
 *
 * @param right the least right: an owner may do what a viewer may
 * @throws DomainError `not_found`, then `forbidden`, with the operation's messages
 */
export async function getMoment(
  db: Db | Tx,
  caller: Caller,
  { id, right }: { id: string; right: Right },
  refusals: Refusals,
): Promise<MomentRow> {
  const moment = await db
    .selectFrom('moment')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!moment) throw new DomainError('not_found', refusals.notFound)
  const found = await findRight(db, caller, moment)
  if (!found || (right === 'owner' && found !== 'owner')) throw new DomainError('forbidden', refusals.forbidden)
  return moment
}

/** Returns rows for the API's shape, in no order; ids that are unknown are left out. */
export async function findMomentViews(db: Db | Tx, userId: string, ids: readonly string[]): Promise<MomentViewRow[]> {
  const { rows } = await sql<MomentViewRow>`
    select ${momentColumns} from moment ${markJoin(userId)} where moment.id = any(${ids})`.execute(db)
  return rows
}
