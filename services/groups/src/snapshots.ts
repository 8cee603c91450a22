import { groupDeleted, groupUpdated, participantJoined, participantLeft } from '@platform/contracts/groups.ts'
import type { Snapshot } from '@platform/events/republish.ts'
import type { GroupsTables } from './db/schema.ts'
import { toGroupState } from './groups/group-view.ts'
import { SOURCE } from './groups/source.ts'
import { participantSubject, toParticipantState } from './participants/participant-state.ts'

/** Every group, those that are deleted too: who missed the deletion learns of it. */
const groups: Snapshot<GroupsTables> = {
  topic: 'groups.group',
  page: async (trx, after, limit) => {
    const rows = await trx
      .selectFrom('group')
      .selectAll()
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .forShare()
      .execute()
    return rows.map((row) => ({
      type: row.deleted_at ? groupDeleted : groupUpdated,
      source: SOURCE,
      subject: row.id,
      entityVersion: row.version,
      data: toGroupState(row),
      cursor: row.id,
    }))
  },
}

/** Every participant's place, those that were left too. */
const participants: Snapshot<GroupsTables> = {
  topic: 'groups.participant',
  page: async (trx, after, limit) => {
    const [groupId, userId] = after?.split('/') ?? []
    const rows = await trx
      .selectFrom('participant')
      .selectAll()
      .$if(groupId !== undefined, (query) =>
        query.where((eb) => eb(eb.refTuple('group_id', 'user_id'), '>', eb.tuple(groupId ?? '', userId ?? ''))),
      )
      .orderBy('group_id')
      .orderBy('user_id')
      .limit(limit)
      .forShare()
      .execute()
    return rows.map((row) => ({
      type: row.deleted_at ? participantLeft : participantJoined,
      source: SOURCE,
      subject: participantSubject(row),
      key: row.group_id,
      entityVersion: row.version,
      data: toParticipantState(row),
      cursor: participantSubject(row),
    }))
  },
}

/** What `pnpm events republish` can tell again. */
export const snapshots = [groups, participants]
