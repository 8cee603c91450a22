import { DomainError } from '@platform/http/errors.ts'
import type { Db } from '../db/schema.ts'

const NAMED_AT_MOST = 100

/**
 * The groups for which somebody's erasure would have to choose a new owner among plain participants: owned, with other
 * participants and no other admin. None while an erasure is under way: it was accepted, and goes on.
 *
 * @returns a sentence about each
 */
export async function findGroupsInTheWay(db: Db, userId: string): Promise<string[]> {
  const groups = await db
    .selectFrom('group')
    .select(['id', 'name'])
    .where('owner_id', '=', userId)
    .where('deleted_at', 'is', null)
    .where(({ exists, not, selectFrom }) => {
      const others = selectFrom('participant')
        .select('user_id')
        .whereRef('participant.group_id', '=', 'group.id')
        .where('participant.user_id', '!=', userId)
        .where('participant.deleted_at', 'is', null)
      return exists(others).and(not(exists(others.where('is_admin', '=', true))))
    })
    .where(({ exists, not, selectFrom }) =>
      not(exists(selectFrom('erasure').select('id').where('user_id', '=', userId).where('completed_at', 'is', null))),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(NAMED_AT_MOST)
    .execute()
  return groups.map(
    ({ id, name }) => `The group "${name}" (${id}) has other participants, and no other admin to pass it to.`,
  )
}

/** @throws DomainError `conflict` that names the groups in the way of somebody's erasure */
export async function refuseGroupsInTheWay(db: Db, userId: string): Promise<void> {
  const messages = await findGroupsInTheWay(db, userId)
  if (messages.length > 0) throw new DomainError('conflict', 'Groups are in the way.', { messages })
}
