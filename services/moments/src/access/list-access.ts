import type { Db, Right, Tx } from '../db/schema.ts'

/** A user's right on a robot, as its owner sees it. */
export interface AccessEntry {
  userId: string
  right: Right
  visibleFrom: string | undefined
  grantedAt: string
}

/** Returns the rights on a robot that are not revoked, the oldest first. */
export async function listAccess(db: Db | Tx, robotId: string): Promise<AccessEntry[]> {
  const rows = await db
    .selectFrom('access')
    .select(['user_id', 'right', 'visible_from', 'granted_at'])
    .where('robot_id', '=', robotId)
    .where('revoked_at', 'is', null)
    .orderBy('granted_at')
    .orderBy('user_id')
    .execute()
  return rows.map(({ user_id, right, visible_from, granted_at }) => ({
    userId: user_id,
    right,
    visibleFrom: visible_from?.toISOString(),
    grantedAt: granted_at.toISOString(),
  }))
}
