import { erasedPersonId } from '@platform/contracts/erasure.ts'
import type { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import { sql } from 'kysely'
import type { ParticipantRow, Tx } from '../db/schema.ts'

/** Takes a group's state into our copy, unless that is as new. */
export async function copyGroup(trx: Tx, version: number, state: GroupState): Promise<void> {
  const columns = {
    owner_id: state.ownerId,
    post_rules: state.postRules,
    group_type: state.groupType,
    version,
    deleted_at: toTime(state.deletedAt),
  }
  await trx
    .insertInto('group')
    .values({ id: state.id, ...columns })
    .onConflict((oc) => oc.column('id').doUpdateSet(columns).where('group.version', '<', version))
    .execute()
}

/**
 * A person's place in a group as our copy has it, locked. Somebody who was erased has it under another id; if they come
 * back, its versions go on.
 */
export function lockPlace(trx: Tx, groupId: string, userId: string): Promise<ParticipantRow | undefined> {
  return trx
    .selectFrom('participant')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('user_id', 'in', [userId, erasedPersonId(groupId, userId)])
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Takes a person's place in a group into our copy, unless that is as new; that of an erased person without them. */
export async function copyParticipant(trx: Tx, version: number, state: ParticipantState): Promise<void> {
  const { groupId, userId } = state
  const columns = {
    user_id: state.erased ? erasedPersonId(groupId, userId) : userId,
    is_admin: state.isAdmin,
    is_muted: state.isMuted,
    version,
    deleted_at: toTime(state.deletedAt),
  }
  const place = await lockPlace(trx, groupId, userId)
  if (place) {
    await trx
      .updateTable('participant')
      .set(columns)
      .where('group_id', '=', groupId)
      .where('user_id', '=', place.user_id)
      .where('version', '<', version)
      .execute()
    return
  }
  await trx
    .insertInto('participant')
    .values({ group_id: groupId, ...columns })
    .onConflict((oc) =>
      oc.columns(['group_id', 'user_id']).doUpdateSet(columns).where('participant.version', '<', version),
    )
    .execute()
}

/**
 * Leaves the newer one of two rows of a place that was just copied from an answer. While it was, an event may have told
 * that the person was erased: the row under their own id was no longer in the way then, and the answer brought it back
 * beside the other. Events themselves come one after the other.
 */
export async function dropOlderPlace(trx: Tx, { groupId, userId }: ParticipantState): Promise<void> {
  const isOfPlace = sql`group_id = ${groupId} and user_id in (${userId}, ${erasedPersonId(groupId, userId)})`
  await sql`
    delete from participant
    where ${isOfPlace} and version < (select max(version) from participant where ${isOfPlace})`.execute(trx)
}

const toTime = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text))
