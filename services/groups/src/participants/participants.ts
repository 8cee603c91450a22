import {
  participantDemoted,
  participantJoined,
  participantLeft,
  participantMuted,
  participantPromoted,
  participantRemoved,
  participantUnmuted,
} from '@platform/contracts/groups.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { Db, ParticipantRow, Tx } from '../db/schema.ts'
import {
  findParticipant,
  getMembership,
  groupNotFound,
  lockGroup,
  lockMembership,
  requireAdmin,
  requireOwner,
} from '../groups/membership.ts'
import { SOURCE } from '../groups/source.ts'
import { participantSubject, toParticipantState } from './participant-state.ts'

const EVENTS = {
  joined: participantJoined,
  left: participantLeft,
  removed: participantRemoved,
  muted: participantMuted,
  unmuted: participantUnmuted,
  promoted: participantPromoted,
  demoted: participantDemoted,
}

/** The caller follows the group; nothing happens when they do already. */
export async function followGroup(trx: Tx, caller: Caller, groupId: string, cause: Cause): Promise<void> {
  const { participant } = await lockMembership(trx, groupId, caller)
  if (!participant) await setParticipant(trx, groupId, caller.userId, {}, 'joined', cause)
}

/**
 * The caller leaves the group; nothing happens when they had left.
 *
 * @throws DomainError `conflict` for the owner; `not_found` for a stranger to a Private group
 */
export async function unfollowGroup(trx: Tx, caller: Caller, groupId: string, cause: Cause): Promise<void> {
  const group = await lockGroup(trx, groupId)
  const place = group && (await findPlace(trx, groupId, caller.userId))
  // Who was in a Private group may repeat the request; to others it does not exist.
  if (!group || (group.group_type === 'Private' && !place)) throw groupNotFound()
  if (group.owner_id === caller.userId) throw new DomainError('conflict', 'The owner cannot leave the group.')
  if (place && !place.deleted_at) await endParticipation(trx, groupId, caller.userId, 'left', cause)
}

/** An admin brings somebody in; nothing happens when they are in. */
export async function addParticipant(
  trx: Tx,
  caller: Caller,
  groupId: string,
  userId: string,
  cause: Cause,
): Promise<void> {
  requireAdmin(await lockMembership(trx, groupId, caller))
  if (!(await findParticipant(trx, groupId, userId))) {
    await setParticipant(trx, groupId, userId, {}, 'joined', cause)
  }
}

/**
 * An admin takes somebody out.
 *
 * @throws DomainError `conflict` for the owner; `forbidden` for an admin, unless the owner asks; `not_found`
 */
export async function removeParticipant(
  trx: Tx,
  caller: Caller,
  groupId: string,
  userId: string,
  cause: Cause,
): Promise<void> {
  const membership = await lockMembership(trx, groupId, caller)
  requireAdmin(membership)
  const participant = await getParticipant(trx, groupId, userId)
  if (membership.group.owner_id === userId) throw new DomainError('conflict', 'The owner cannot be removed.')
  if (participant.is_admin) requireOwner(membership, caller)
  await endParticipation(trx, groupId, userId, 'removed', cause)
}

/**
 * An admin mutes somebody, or lets them write again; nothing happens when it is so already.
 *
 * @throws DomainError `conflict` when the owner is to be muted; `not_found`
 */
export async function setMuted(
  trx: Tx,
  caller: Caller,
  groupId: string,
  userId: string,
  isMuted: boolean,
  cause: Cause,
): Promise<void> {
  const membership = await lockMembership(trx, groupId, caller)
  requireAdmin(membership)
  const participant = await getParticipant(trx, groupId, userId)
  if (isMuted && membership.group.owner_id === userId) {
    throw new DomainError('conflict', 'The owner cannot be muted.')
  }
  if (participant.is_muted === isMuted) return
  await setParticipant(trx, groupId, userId, { isMuted }, isMuted ? 'muted' : 'unmuted', cause)
}

/**
 * The owner makes a participant an admin, or takes that back; nothing happens when it is so already.
 *
 * @throws DomainError `conflict` when the owner's own right is to be taken; `not_found`
 */
export async function setAdmin(
  trx: Tx,
  caller: Caller,
  groupId: string,
  userId: string,
  isAdmin: boolean,
  cause: Cause,
): Promise<void> {
  const membership = await lockMembership(trx, groupId, caller)
  requireOwner(membership, caller)
  const participant = await getParticipant(trx, groupId, userId)
  if (!isAdmin && membership.group.owner_id === userId) {
    throw new DomainError('conflict', 'The owner is always an admin.')
  }
  if (participant.is_admin === isAdmin) return
  await setParticipant(trx, groupId, userId, { isAdmin }, isAdmin ? 'promoted' : 'demoted', cause)
}

/** Which participants are asked for. */
export interface ParticipantsRequest {
  groupId: string
  isMuted?: boolean
  page: number
  limit: number
}

/** Longest-standing first. A Private group shows them to its participants only. */
export async function listParticipants(
  db: Db,
  caller: Caller,
  { groupId, isMuted, page, limit }: ParticipantsRequest,
): Promise<ParticipantRow[]> {
  await getMembership(db, groupId, caller)
  return db
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('deleted_at', 'is', null)
    .$if(isMuted !== undefined, (query) => query.where('is_muted', '=', isMuted === true))
    .orderBy('joined_at')
    .orderBy('user_id')
    .offset(page * limit)
    .limit(limit)
    .execute()
}

async function getParticipant(trx: Tx, groupId: string, userId: string): Promise<ParticipantRow> {
  const participant = await findParticipant(trx, groupId, userId)
  if (!participant) throw new DomainError('not_found', 'The participant does not exist.')
  return participant
}

/** A person's row in the group, also when they left. */
function findPlace(trx: Tx, groupId: string, userId: string): Promise<ParticipantRow | undefined> {
  return trx
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

/**
 * Puts somebody into the group, or changes their rights in it; the group's row must be locked. The count changes only
 * with a row that was not there or was left.
 */
export async function setParticipant(
  trx: Tx,
  groupId: string,
  userId: string,
  rights: { isAdmin?: boolean; isMuted?: boolean },
  what: keyof typeof EVENTS,
  cause: Cause,
): Promise<void> {
  const participant = await trx
    .insertInto('participant')
    .values({
      group_id: groupId,
      user_id: userId,
      is_admin: rights.isAdmin ?? false,
      is_muted: rights.isMuted ?? false,
      joined_at: cause.at,
      deleted_at: null,
    })
    .onConflict((oc) =>
      oc.columns(['group_id', 'user_id']).doUpdateSet({
        // Who comes back is new, and no admin; a mute outlives leaving.
        is_admin: sql`coalesce(${rights.isAdmin ?? null}, participant.is_admin and participant.deleted_at is null)`,
        is_muted: sql`coalesce(${rights.isMuted ?? null}, participant.is_muted)`,
        joined_at: sql`case when participant.deleted_at is null then participant.joined_at else excluded.joined_at end`,
        deleted_at: null,
        version: sql`participant.version + 1`,
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
  if (what === 'joined') await changeCount(trx, groupId, 1)
  await publishParticipant(trx, what, participant, cause)
}

async function endParticipation(
  trx: Tx,
  groupId: string,
  userId: string,
  what: 'left' | 'removed',
  cause: Cause,
): Promise<void> {
  const participant = await trx
    .updateTable('participant')
    .set({ deleted_at: cause.at, is_admin: false, version: sql`version + 1` })
    .where('group_id', '=', groupId)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirstOrThrow()
  await changeCount(trx, groupId, -1)
  await publishParticipant(trx, what, participant, cause)
}

async function changeCount(trx: Tx, groupId: string, difference: 1 | -1): Promise<void> {
  await trx
    .updateTable('group')
    .set({ participants_count: sql`participants_count + ${difference}` })
    .where('id', '=', groupId)
    .execute()
}

async function publishParticipant(
  trx: Tx,
  what: keyof typeof EVENTS,
  row: ParticipantRow,
  cause: Cause,
): Promise<void> {
  const data = toParticipantState(row)
  const subject = participantSubject(row)
  await publish(
    trx,
    EVENTS[what],
    { source: SOURCE, subject, key: row.group_id, entityVersion: row.version, data },
    cause,
  )
}
