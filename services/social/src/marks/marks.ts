import type { Caller } from '@platform/http/assertion.ts'
import { sql } from 'kysely'
import type { Tx } from '../db/schema.ts'
import type { Asking, CopyDeps } from '../membership/confirm.ts'
import { getPost, selectVisible } from '../posts/find-post.ts'

/** Hides a post from the caller's feeds, or shows it again. @returns whether it is hidden now */
export async function toggleHidden(trx: Tx, caller: Caller, postId: string, at: Date): Promise<boolean> {
  const { post } = await getPost(trx, caller, postId, 'anywhere')
  const shown = await trx
    .deleteFrom('post_hide')
    .where('user_id', '=', caller.userId)
    .where('post_id', '=', post.id)
    .returning('post_id')
    .executeTakeFirst()
  if (shown) return false
  // Where another request of the caller's hides it at this moment, this one has nothing left to do.
  await insertMarks(trx, 'post_hide', caller, [post.id], at)
  return true
}

/** Notes that the caller saw a post; nothing happens when they had. @throws DomainError `not_found` */
export async function markSeen(trx: Tx, caller: Caller, postId: string, at: Date): Promise<void> {
  const { post } = await getPost(trx, caller, postId, 'anywhere')
  await insertSeen(trx, caller, [post.id], at)
}

/** Those of the posts that there are and that the caller may see. */
export async function findSeeable(deps: CopyDeps, request: Asking, postIds: string[]): Promise<string[]> {
  const posts = await deps.db
    .selectFrom('post')
    .selectAll()
    .where('id', 'in', postIds)
    .where('deleted_at', 'is', null)
    .execute()
  return (await selectVisible(deps, request, posts)).map(({ id }) => id)
}

/** Notes that the caller saw posts that they may see. */
export async function insertSeen(trx: Tx, caller: Caller, postIds: string[], at: Date): Promise<void> {
  if (postIds.length > 0) await insertMarks(trx, 'post_seen', caller, postIds, at)
}

/** Marks those of the posts that are still there: of one that was deleted since it was looked at, the marks have gone. */
async function insertMarks(
  trx: Tx,
  table: 'post_hide' | 'post_seen',
  { userId }: Caller,
  postIds: string[],
  at: Date,
): Promise<void> {
  await sql`
    insert into ${sql.table(table)} (user_id, post_id, created_at)
    select ${userId}::uuid, id, ${at}::timestamptz
    from post
    where id = any(${postIds}::uuid[]) and deleted_at is null
    order by id
    on conflict do nothing`.execute(trx)
}
