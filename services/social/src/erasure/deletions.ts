import type { Batch } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'

/**
 * Deletes that a person asked for and that are not finished: they go on without them. One that is at work is waited for.
 *
 * What it was at work on may have put more of the person's deletes in its place, so what counts is what was found.
 */
export async function eraseActor(trx: Tx, { userId, limit }: Batch): Promise<number> {
  const found = await trx
    .selectFrom('deletion')
    .select(['kind', 'target_id'])
    .where('actor_id', '=', userId)
    .limit(limit)
    .execute()
  if (found.length === 0) return 0
  const deletions = found.map(({ kind, target_id }) => sql`(${kind}, ${target_id}::uuid)`)
  await sql`update deletion set actor_id = null where (kind, target_id) in (${sql.join(deletions)})`.execute(trx)
  return found.length
}
