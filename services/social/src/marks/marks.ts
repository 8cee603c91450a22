import type { Caller } from '@platform/http/assertion.ts'
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
  await trx
    .insertInto('post_hide')
    .values({ user_id: caller.userId, post_id: post.id, created_at: at })
    .onConflict((oc) => oc.doNothing())
    .execute()
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
export async function insertSeen(trx: Tx, { userId }: Caller, postIds: string[], at: Date): Promise<void> {
  if (postIds.length === 0) return
  await trx
    .insertInto('post_seen')
    .values([...postIds].sort().map((post_id) => ({ user_id: userId, post_id, created_at: at })))
    .onConflict((oc) => oc.doNothing())
    .execute()
}
