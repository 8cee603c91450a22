import type { Db } from '../db/schema.ts'

/** How many groups an answer names at most. */
export const MAX_ADMINISTERED = 1_000

/** Which of the groups that somebody administers are asked for. */
export interface AdministeredRequest {
  userId: string
  /** Only those whose id comes after this one. */
  after?: string
  limit: number
}

/** The groups that somebody administers, by id, with the version of their place in each. */
export function listAdministered(
  db: Db,
  { userId, after, limit }: AdministeredRequest,
): Promise<{ groupId: string; version: number }[]> {
  return db
    .selectFrom('participant')
    .innerJoin('group', 'group.id', 'participant.group_id')
    .select(['participant.group_id as groupId', 'participant.version'])
    .where('participant.user_id', '=', userId)
    .where('participant.is_admin', '=', true)
    .where('participant.deleted_at', 'is', null)
    .where('group.deleted_at', 'is', null)
    .$if(after !== undefined, (query) => query.where('participant.group_id', '>', after ?? ''))
    .orderBy('participant.group_id')
    .limit(limit)
    .execute()
}
