import { postDeleted } from '@platform/contracts/social.ts'
import { purgeBatch } from '@platform/db/purge-batch.ts'
import type { Cause } from '@platform/events/outbox.ts'
import { sql } from 'kysely'
import { markDeleted } from '../comments/comments.ts'
import type { DeletionKind, PostRow, Tx } from '../db/schema.ts'
import { publishPosts } from '../posts/post-events.ts'
import { moveTotals } from '../totals/totals.ts'
import { enqueueDeletions } from './queue.ts'

/** Deletes at most `limit` of what hangs on the targets. @returns how many it found */
export type Step = (trx: Tx, targetIds: string[], limit: number, cause: Cause) => Promise<number>

/**
 * What hangs on something deleted, in the order in which it goes: content first, so that nothing is added to it any
 * more when its likes go. Content is deleted as by a command, with an event each; likes and marks just go.
 */
export const STEPS: Record<DeletionKind, Step[]> = {
  group: [deletePosts('group_id')],
  post: [
    deleteComments,
    deletePosts('original_post_id'),
    purge('comment_like', 'post_id'),
    purge('post_like', 'post_id'),
    purge('post_hide', 'post_id'),
    purge('post_seen', 'post_id'),
  ],
  comment: [purge('comment_like', 'comment_id')],
}

/**
 * Steps that lock what likes are counted on. Nothing is taken after one of them in its transaction: a like comes before
 * the row that it counts on.
 */
export const LOCKING_LIKED: ReadonlySet<Step> = new Set([deleteComments])

function deletePosts(column: 'group_id' | 'original_post_id'): Step {
  return async (trx, targetIds, limit, cause) => {
    const posts = await trx
      .selectFrom('post')
      .selectAll()
      .where(column, 'in', targetIds)
      .where('deleted_at', 'is', null)
      .limit(limit)
      .forNoKeyUpdate()
      .execute()
    if (posts.length === 0) return 0
    const deleted = await trx
      .updateTable('post')
      .set({ deleted_at: cause.at, updated_at: cause.at, version: sql`version + 1` })
      .where(
        'id',
        'in',
        posts.map(({ id }) => id),
      )
      .returningAll()
      .execute()
    await publishPosts(trx, postDeleted, deleted, cause)
    await enqueueDeletions(
      trx,
      'post',
      deleted.map(({ id }) => id),
      cause,
    )
    await moveTotals(
      trx,
      posts.map((from: PostRow) => ({ from })),
    )
    return posts.length
  }
}

async function deleteComments(trx: Tx, postIds: string[], limit: number, cause: Cause): Promise<number> {
  const comments = await trx
    .selectFrom('comment')
    .select('id')
    .where('post_id', 'in', postIds)
    .where('deleted_at', 'is', null)
    .limit(limit)
    .execute()
  await markDeleted(
    trx,
    comments.map(({ id }) => id),
    cause,
  )
  return comments.length
}

function purge(table: 'comment_like' | 'post_like' | 'post_hide' | 'post_seen', column: string): Step {
  return (trx, targetIds, limit) => purgeBatch(trx, table, sql`${sql.ref(column)} = any(${targetIds}::uuid[])`, limit)
}
