import type { GroupState, ParticipantState } from '@platform/contracts/groups.ts'
import type { Tx } from '../db/schema.ts'

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

/** Takes a person's place in a group into our copy, unless that is as new. */
export async function copyParticipant(trx: Tx, version: number, state: ParticipantState): Promise<void> {
  const columns = {
    is_admin: state.isAdmin,
    is_muted: state.isMuted,
    version,
    deleted_at: toTime(state.deletedAt),
  }
  await trx
    .insertInto('participant')
    .values({ group_id: state.groupId, user_id: state.userId, ...columns })
    .onConflict((oc) =>
      oc.columns(['group_id', 'user_id']).doUpdateSet(columns).where('participant.version', '<', version),
    )
    .execute()
}

const toTime = (text: string | undefined): Date | null => (text === undefined ? null : new Date(text))
