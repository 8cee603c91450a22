import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { Db, GroupRow, ParticipantRow, Tx } from '../db/schema.ts'

/** A group together with the caller's own place in it. */
export interface Membership {
  group: GroupRow
  /** Absent for somebody who is not in the group now. */
  participant: ParticipantRow | undefined
}

export const groupNotFound = () => new DomainError('not_found', 'The group does not exist.')

/**
 * Reads a group as the caller may know it, without a lock.
 *
 * @throws DomainError `not_found`, also for a Private group that the caller is not in
 */
export async function getMembership(db: Db, groupId: string, caller: Caller): Promise<Membership> {
  const group = await db
    .selectFrom('group')
    .selectAll()
    .where('id', '=', groupId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return asSeenBy(caller, group, group && (await findParticipant(db, groupId, caller.userId)))
}

/**
 * The same for a command: the group's row stays locked until the transaction ends. Every command on a group and its
 * participants takes this lock first, so that their versions, counts and events have one order.
 */
export async function lockMembership(trx: Tx, groupId: string, caller: Caller): Promise<Membership> {
  const group = await lockGroup(trx, groupId)
  return asSeenBy(caller, group, group && (await findParticipant(trx, groupId, caller.userId)))
}

/** @returns the group that is not deleted, locked, whoever may know of it */
export function lockGroup(trx: Tx, groupId: string): Promise<GroupRow | undefined> {
  return trx
    .selectFrom('group')
    .selectAll()
    .where('id', '=', groupId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

function asSeenBy(caller: Caller, group?: GroupRow, participant?: ParticipantRow): Membership {
  const isKnown = group && (group.group_type === 'Public' || participant || group.owner_id === caller.userId)
  if (!isKnown) throw groupNotFound()
  return { group, participant }
}

/** @returns the person's place in the group now; a place that they left does not count */
export function findParticipant(db: Db, groupId: string, userId: string): Promise<ParticipantRow | undefined> {
  return db
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** @throws DomainError `forbidden` */
export function requireAdmin({ participant }: Membership): void {
  if (!participant?.is_admin) throw new DomainError('forbidden', 'Only admins of the group may do this.')
}

/** @throws DomainError `forbidden` */
export function requireOwner({ group }: Membership, caller: Caller): void {
  if (group.owner_id !== caller.userId) throw new DomainError('forbidden', 'Only the owner of the group may do this.')
}
