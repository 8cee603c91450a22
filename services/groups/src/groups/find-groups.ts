import type { RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { type ExpressionBuilder, sql } from 'kysely'
import type { Db, GroupRow, GroupsTables } from '../db/schema.ts'
import { type SeenGroup, toGroup } from './group-view.ts'
import { getMembership } from './membership.ts'
import type { Group } from './shapes.ts'

const SHOWN_PARTICIPANTS = 50

/**
 * Reads one group for its page.
 *
 * @throws DomainError `not_found`
 */
export async function getGroup(db: Db, caller: Caller, groupId: string, redacted: RedactedStatuses): Promise<Group> {
  const { group, participant } = await getMembership(db, groupId, caller)
  const newest = await newestParticipants(db, [groupId])
  const seen = { ...group, participants_ids: newest.get(group.id) ?? [], is_following: participant !== undefined }
  return toGroup(seen, caller, redacted)
}

/** Adds the newest participants to a page of groups: one query, whatever the page's size. */
export async function withParticipants<T extends GroupRow & { is_following: boolean }>(
  db: Db,
  rows: T[],
): Promise<(T & SeenGroup)[]> {
  if (rows.length === 0) return []
  const newest = await newestParticipants(
    db,
    rows.map(({ id }) => id),
  )
  return rows.map((row) => ({ ...row, participants_ids: newest.get(row.id) ?? [] }))
}

async function newestParticipants(db: Db, groupIds: string[]): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ group_id: string; user_ids: string[] }>`
    select asked.group_id, newest.user_ids
    from unnest(${groupIds}::uuid[]) as asked (group_id)
    cross join lateral (
      select coalesce(array_agg(user_id), '{}') as user_ids
      from (
        select user_id from participant
        where participant.group_id = asked.group_id and deleted_at is null
        order by joined_at desc, user_id desc
        limit ${SHOWN_PARTICIPANTS}
      ) as newest
    ) as newest`.execute(db)
  return new Map(rows.map((row) => [row.group_id, row.user_ids]))
}

type GroupBuilder = ExpressionBuilder<GroupsTables, 'group'>

/** True for groups that the caller is in now. */
export function isParticipant(eb: GroupBuilder, userId: string, right?: 'is_admin') {
  let places = eb
    .selectFrom('participant')
    .select(sql`1`.as('one'))
    .whereRef('participant.group_id', '=', 'group.id')
    .where('participant.user_id', '=', userId)
    .where('participant.deleted_at', 'is', null)
  if (right) places = places.where(right, '=', true)
  return eb.exists(places).$castTo<boolean>()
}
