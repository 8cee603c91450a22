import { commentLiked, commentUnliked, postLiked, postUnliked } from '@platform/contracts/social.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { commentNotFound, getComment } from '../comments/find-comment.ts'
import type { Db, Tx } from '../db/schema.ts'
import { getPost, type Place, postNotFound } from '../posts/find-post.ts'
import { SOURCE } from '../posts/post-events.ts'
import type { Like } from './shapes.ts'

/**
 * Likes a post for the caller, or takes that back. It takes no more than seeing the post: a like is no writing, so
 * somebody muted may.
 *
 * The like's row comes first and the post's last, so that those who like the same post wait for each other as shortly
 * as can be. Nobody who holds a post's row goes for a like's.
 */
export async function togglePostLike(
  trx: Tx,
  caller: Caller,
  place: Place,
  postId: string,
  cause: Cause,
): Promise<Like> {
  const { post } = await getPost(trx, caller, postId, place)
  const like = { post_id: post.id, user_id: caller.userId }
  const { isLiked, id } = await toggle(
    () =>
      trx
        .deleteFrom('post_like')
        .where('post_id', '=', post.id)
        .where('user_id', '=', caller.userId)
        .returning('id')
        .executeTakeFirst(),
    () =>
      trx
        .insertInto('post_like')
        .values({ ...like, id: uuidv7(), created_at: cause.at })
        .onConflict((oc) => oc.doNothing())
        .returning('id')
        .executeTakeFirst(),
  )
  const counted = await trx
    .updateTable('post')
    .set({ like_count: sql`like_count + ${isLiked ? 1 : -1}`, like_version: sql`like_version + 1` })
    .where('id', '=', post.id)
    .where('deleted_at', 'is', null)
    .returning(['like_count', 'like_version'])
    .executeTakeFirst()
  // It was deleted since we looked.
  if (!counted) throw postNotFound()
  const data = { postId: post.id, likeCount: counted.like_count }
  const subject = `${post.id}/likes`
  const event = { source: SOURCE, subject, key: post.id, entityVersion: counted.like_version, data }
  await publish(trx, isLiked ? postLiked : postUnliked, event, cause)
  return toLike({ isLiked, id }, { postId: post.id, userId: caller.userId }, cause)
}

/** The same for a comment. */
export async function toggleCommentLike(
  trx: Tx,
  caller: Caller,
  postId: string,
  commentId: string,
  cause: Cause,
): Promise<Like> {
  const { comment } = await getComment(trx, caller, commentId, { postId })
  const like = { comment_id: comment.id, post_id: comment.post_id, user_id: caller.userId }
  const { isLiked, id } = await toggle(
    () =>
      trx
        .deleteFrom('comment_like')
        .where('comment_id', '=', comment.id)
        .where('user_id', '=', caller.userId)
        .returning('id')
        .executeTakeFirst(),
    () =>
      trx
        .insertInto('comment_like')
        .values({ ...like, id: uuidv7(), created_at: cause.at })
        .onConflict((oc) => oc.doNothing())
        .returning('id')
        .executeTakeFirst(),
  )
  const counted = await trx
    .updateTable('comment')
    .set({ like_count: sql`like_count + ${isLiked ? 1 : -1}`, like_version: sql`like_version + 1` })
    .where('id', '=', comment.id)
    .where('deleted_at', 'is', null)
    .returning(['like_count', 'like_version'])
    .executeTakeFirst()
  if (!counted) throw commentNotFound()
  const data = { commentId: comment.id, postId: comment.post_id, likeCount: counted.like_count }
  const subject = `${comment.id}/likes`
  const event = { source: SOURCE, subject, key: comment.id, entityVersion: counted.like_version, data }
  await publish(trx, isLiked ? commentLiked : commentUnliked, event, cause)
  return toLike({ isLiked, id }, { postId: comment.post_id, commentId: comment.id, userId: caller.userId }, cause)
}

type LikeId = { id: string } | undefined

interface Toggled {
  isLiked: boolean
  /** Of the like that came or went. */
  id: string
}

const TRIES = 20

/**
 * Removes the like or, where there is none, adds it. Of two toggles by one person at once the second waits for the
 * first's row and then finds the other state, so it looks again.
 */
async function toggle(remove: () => Promise<LikeId>, add: () => Promise<LikeId>): Promise<Toggled> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const removed = await remove()
    if (removed) return { isLiked: false, id: removed.id }
    const added = await add()
    if (added) return { isLiked: true, id: added.id }
  }
  throw new Error('The like changes faster than it can be read.')
}

function toLike(
  { isLiked, id }: Toggled,
  { postId, commentId, userId }: { postId: string; commentId?: string; userId: string },
  { at }: Cause,
): Like {
  const liked = isLiked ? { likeId: id, createdAt: at.toISOString() } : {}
  return { ...liked, postId, commentId, likeUserId: userId, isLiked }
}

/** Who likes a post, newest first. */
export async function listPostLikes(
  db: Db,
  caller: Caller,
  place: Place,
  postId: string,
  page: PageRequest,
): Promise<{ likes: Like[]; total: number }> {
  const { post } = await getPost(db, caller, postId, place)
  const rows = isBeyond(page, post.like_count) ? [] : await postLikesQuery(db, post.id, page).execute()
  const likes = rows.map((row) => ({ ...shown(row), postId: row.post_id }))
  return { likes, total: post.like_count }
}

export function postLikesQuery(db: Db, postId: string, { page, limit }: PageRequest) {
  return db
    .selectFrom('post_like')
    .selectAll()
    .where('post_id', '=', postId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page * limit)
    .limit(limit)
}

/** Who likes a comment, newest first. */
export async function listCommentLikes(
  db: Db,
  caller: Caller,
  postId: string,
  commentId: string,
  page: PageRequest,
): Promise<{ likes: Like[]; total: number }> {
  const { comment } = await getComment(db, caller, commentId, { postId })
  const rows = isBeyond(page, comment.like_count) ? [] : await commentLikesQuery(db, comment.id, page).execute()
  const likes = rows.map((row) => ({ ...shown(row), postId: row.post_id, commentId: row.comment_id }))
  return { likes, total: comment.like_count }
}

export function commentLikesQuery(db: Db, commentId: string, { page, limit }: PageRequest) {
  return db
    .selectFrom('comment_like')
    .selectAll()
    .where('comment_id', '=', commentId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page * limit)
    .limit(limit)
}

const isBeyond = ({ page, limit }: PageRequest, total: number): boolean => page * limit >= total

function shown(row: { id: string; user_id: string; created_at: Date }) {
  return { likeId: row.id, likeUserId: row.user_id, isLiked: true, createdAt: row.created_at.toISOString() }
}
