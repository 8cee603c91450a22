import { commentUnliked, postUnliked } from '@platform/contracts/social.ts'
import type { Batch } from '@platform/erasure/erase.ts'
import { publishAll } from '@platform/events/outbox.ts'
import { type Kysely, sql } from 'kysely'
import type { SocialTables, Tx } from '../db/schema.ts'
import { SOURCE } from '../posts/post-events.ts'

/** A person's likes of posts. The likes' rows come first and the posts' last, as with everybody who likes. */
export async function erasePostLikes(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const likes = await trx.selectFrom('post_like').select('post_id').where('user_id', '=', userId).limit(limit).execute()
  if (likes.length === 0) return 0
  const taken = await trx
    .deleteFrom('post_like')
    .where('user_id', '=', userId)
    .where(
      'post_id',
      'in',
      likes.map(({ post_id }) => post_id),
    )
    .returning('post_id')
    .execute()
  const counted = await countOff(
    trx,
    'post',
    taken.map(({ post_id }) => post_id),
  )
  const events = counted.map(({ id, like_count, like_version }) => ({
    type: postUnliked,
    source: SOURCE,
    subject: `${id}/likes`,
    key: id,
    entityVersion: like_version,
    data: { postId: id, likeCount: like_count },
  }))
  await publishAll(trx, events, cause)
  return likes.length
}

/** The same for comments. */
export async function eraseCommentLikes(trx: Tx, { userId, limit, cause }: Batch): Promise<number> {
  const likes = await trx
    .selectFrom('comment_like')
    .select('comment_id')
    .where('user_id', '=', userId)
    .limit(limit)
    .execute()
  if (likes.length === 0) return 0
  const taken = await trx
    .deleteFrom('comment_like')
    .where('user_id', '=', userId)
    .where(
      'comment_id',
      'in',
      likes.map(({ comment_id }) => comment_id),
    )
    .returning(['comment_id', 'post_id'])
    .execute()
  const postIdOf = new Map(taken.map(({ comment_id, post_id }) => [comment_id, post_id]))
  const counted = await countOff(trx, 'comment', [...postIdOf.keys()])
  const events = counted.map(({ id, like_count, like_version }) => ({
    type: commentUnliked,
    source: SOURCE,
    subject: `${id}/likes`,
    key: id,
    entityVersion: like_version,
    data: { commentId: id, postId: postIdOf.get(id) ?? '', likeCount: like_count },
  }))
  await publishAll(trx, events, cause)
  return likes.length
}

/** One like less on each that is not deleted; a person has one like of a thing. */
async function countOff(trx: Kysely<SocialTables>, table: 'post' | 'comment', ids: string[]) {
  if (ids.length === 0) return []
  await trx.selectFrom(table).select('id').where('id', 'in', ids).orderBy('id').forNoKeyUpdate().execute()
  return trx
    .updateTable(table)
    .set({ like_count: sql`like_count - 1`, like_version: sql`like_version + 1` })
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .returning(['id', 'like_count', 'like_version'])
    .execute()
}
