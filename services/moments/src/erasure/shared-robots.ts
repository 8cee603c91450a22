import type { Batch } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'
import { loneRobots } from './lone-robots.ts'

/**
 * Deletes a person's rights on robots that others use, too. Where the last owner leaves, the oldest viewer takes over;
 * what was hidden from them stays hidden.
 *
 * @returns how many rights it found, which may be more than it deleted: another user may have left meanwhile
 */
export async function leaveSharedRobots(trx: Tx, { userId, limit }: Batch): Promise<number> {
  const found = await sql<{ robot_id: string }>`
    select robot_id from access
    where user_id = ${userId} and robot_id <> all(array${loneRobots(userId)})
    limit ${limit}`.execute(trx)
  const robotIds = found.rows.map(({ robot_id }) => robot_id)
  if (robotIds.length === 0) return 0
  await trx.selectFrom('robot').select('id').where('id', 'in', robotIds).orderBy('id').forNoKeyUpdate().execute()
  await passOwnership(trx, userId, robotIds)
  await sql`
    delete from access
    where user_id = ${userId} and robot_id = any(${robotIds})
      and robot_id <> all(array${loneRobots(userId)})`.execute(trx)
  return robotIds.length
}

/** Makes the oldest viewer of each robot its owner where the person is the only one. */
async function passOwnership(trx: Tx, userId: string, robotIds: string[]): Promise<void> {
  await sql`
    update access set "right" = 'owner', changed_xid = pg_current_xact_id()
    where (robot_id, user_id) in (
      select distinct on (heir.robot_id) heir.robot_id, heir.user_id
      from access own join access heir on heir.robot_id = own.robot_id and heir.user_id <> own.user_id
      where own.user_id = ${userId} and own.robot_id = any(${robotIds})
        and own."right" = 'owner' and own.revoked_at is null
        and heir.revoked_at is null
        and not exists (
          select from access other
          where other.robot_id = own.robot_id and other.user_id <> own.user_id
            and other."right" = 'owner' and other.revoked_at is null)
      order by heir.robot_id, heir.granted_at, heir.user_id)`.execute(trx)
}
