import { NOBODY } from '@platform/contracts/erasure.ts'
import { postDeleted } from '@platform/contracts/social.ts'
import type { Batch, Step } from '@platform/erasure/erase.ts'
import { sql } from 'kysely'
import type { Db, PostRow, SocialTables, Tx } from '../db/schema.ts'
import { enqueueDeletions } from '../deletions/queue.ts'
import { publishPosts } from '../posts/post-events.ts'
import { moveTotals } from '../totals/totals.ts'

/**
 * A person's posts or reposts, with their content. Those that are deleted already are told once more, without what they
 * said and who said it, so that whoever keeps a copy forgets that, too.
 */
export function erasePosts(which: 'reposts' | 'posts' | 'deleted'): Step<SocialTables> {
  return async (trx, { userId, limit, cause }) => {
    const found = await writtenPostsQuery(trx, which, userId, limit).execute()
    if (found.length === 0) return 0
    await lockOriginals(trx, found)
    const ids = found.map(({ id }) => id)
    const posts = await lockOwn(trx, ids, userId)
    const erased = await trx
      .updateTable('post')
      .set((eb) => ({
        author_id: NOBODY,
        text: '',
        media_ids: sql`'{}'`,
        mentions: '[]',
        location: null,
        deleted_at: eb.fn.coalesce('deleted_at', eb.val(cause.at)),
        updated_at: cause.at,
        version: eb('version', '+', 1),
      }))
      .where('id', 'in', ids)
      .where('author_id', '=', userId)
      .returningAll()
      .execute()
    await publishPosts(trx, postDeleted, erased, cause)
    await finishDeletes(trx, posts, cause)
    return found.length
  }
}

export function writtenPostsQuery(db: Db, which: 'reposts' | 'posts' | 'deleted', userId: string, limit: number) {
  return db
    .selectFrom('post')
    .select(['id', 'original_post_id'])
    .where('author_id', '=', userId)
    .where('deleted_at', which === 'deleted' ? 'is not' : 'is', null)
    .$if(which === 'reposts', (query) => query.where('original_post_id', 'is not', null))
    .limit(limit)
}

/** As everybody does: the originals of reposts before the reposts, and several of a kind by their ids. */
async function lockOriginals(trx: Tx, posts: Pick<PostRow, 'original_post_id'>[]): Promise<void> {
  const originalIds = posts.map(({ original_post_id }) => original_post_id).filter((id) => id !== null)
  if (originalIds.length === 0) return
  await trx.selectFrom('post').select('id').where('id', 'in', originalIds).orderBy('id').forNoKeyUpdate().execute()
}

function lockOwn(trx: Tx, ids: string[], userId: string): Promise<PostRow[]> {
  return trx
    .selectFrom('post')
    .selectAll()
    .where('id', 'in', ids)
    .where('author_id', '=', userId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
}

/** What comes with a delete: counts, totals, and what hangs on the post. `before`: some may have been deleted. */
async function finishDeletes(trx: Tx, before: PostRow[], cause: Batch['cause']): Promise<void> {
  const gone = before.filter(({ deleted_at }) => deleted_at === null)
  const originalIds = gone.map(({ original_post_id }) => original_post_id).filter((id) => id !== null)
  if (originalIds.length > 0) {
    // A person has one repost of a post.
    await trx.updateTable('post').set({ repost_count: sql`repost_count - 1` }).where('id', 'in', originalIds).execute()
  }
  await enqueueDeletions(
    trx,
    'post',
    gone.map(({ id }) => id),
    cause,
  )
  await moveTotals(
    trx,
    gone.map((from) => ({ from })),
  )
}
