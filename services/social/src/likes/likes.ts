import { commentLiked, commentUnliked, postLiked, postUnliked } from '@platform/contracts/social.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { type RawBuilder, sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { commentNotFound, getComment } from '../comments/find-comment.ts'
import type { Db, Tx } from '../db/schema.ts'
import { getPost, type Place, postNotFound } from '../posts/find-post.ts'
import { SOURCE } from '../posts/post-events.ts'
import type { Like } from './shapes.ts'

/**
 * Likes a post for the caller, or takes that back. It takes no more than seeing the post: a like is no writing, so
 * somebody muted may.
 */
export async function togglePostLike(
  trx: Tx,
  caller: Caller,
  place: Place,
  postId: string,
  cause: Cause,
): Promise<Like> {
  const { post } = await getPost(trx, caller, postId, place)
  const toggled = await toggle(trx, (id) => postToggleQuery({ id, postId: post.id, userId: caller.userId }, cause.at))
  // It was deleted since we looked.
  if (toggled.like_count === null) throw postNotFound()
  const data = { postId: post.id, likeCount: toggled.like_count }
  const subject = `${post.id}/likes`
  const event = { source: SOURCE, subject, key: post.id, entityVersion: toggled.like_version, data }
  await publish(trx, toggled.is_liked ? postLiked : postUnliked, event, cause)
  return toLike(toggled, { postId: post.id, userId: caller.userId }, cause)
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
  const toggled = await toggle(trx, (id) =>
    commentToggleQuery({ id, commentId: comment.id, postId: comment.post_id, userId: caller.userId }, cause.at),
  )
  if (toggled.like_count === null) throw commentNotFound()
  const data = { commentId: comment.id, postId: comment.post_id, likeCount: toggled.like_count }
  const subject = `${comment.id}/likes`
  const event = { source: SOURCE, subject, key: comment.id, entityVersion: toggled.like_version, data }
  await publish(trx, toggled.is_liked ? commentLiked : commentUnliked, event, cause)
  return toLike(toggled, { postId: comment.post_id, commentId: comment.id, userId: caller.userId }, cause)
}

/** A like that came or went, and what that made of the count; no count where what was liked is gone. */
type Toggled = { id: string; is_liked: boolean } & (
  | { like_count: number; like_version: number }
  | { like_count: null; like_version: null }
)

const TRIES = 20

/**
 * Removes the like or, where there is none, adds it. Of two toggles by one person at once the second waits for the
 * first's row and then finds the other state, so it looks again.
 */
async function toggle(trx: Tx, query: (id: string) => RawBuilder<Toggled>): Promise<Toggled> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const [toggled] = (await query(uuidv7()).execute(trx)).rows
    if (toggled) return toggled
  }
  throw new Error('The like changes faster than it can be read.')
}

function postToggleQuery({ id, postId, userId }: { id: string; postId: string; userId: string }, at: Date) {
  return toggleQuery(
    sql`delete from post_like where post_id = ${postId} and user_id = ${userId}`,
    sql`insert into post_like (id, post_id, user_id, created_at) select ${id}, ${postId}, ${userId}, ${at}::timestamptz`,
    sql`update post set ${COUNTED} where id = ${postId}`,
  )
}

function commentToggleQuery(
  { id, commentId, postId, userId }: { id: string; commentId: string; postId: string; userId: string },
  at: Date,
) {
  return toggleQuery(
    sql`delete from comment_like where comment_id = ${commentId} and user_id = ${userId}`,
    sql`insert into comment_like (id, comment_id, post_id, user_id, created_at)
      select ${id}, ${commentId}, ${postId}, ${userId}, ${at}::timestamptz`,
    sql`update comment set ${COUNTED} where id = ${commentId}`,
  )
}

const COUNTED = sql`
  like_count = like_count + (select count(*) from added) - (select count(*) from removed), like_version = like_version + 1`

/**
 * One statement, so that those who like the same thing wait for each other as shortly as can be: its row is locked last,
 * when it is known that the like came or went. Nobody who holds that row goes for a like's. No row comes back when the
 * like neither came nor went.
 */
function toggleQuery(remove: RawBuilder<unknown>, add: RawBuilder<unknown>, count: RawBuilder<unknown>) {
  return sql<Toggled>`
    with removed as (${remove} returning id),
    added as (${add} where not exists (select from removed) on conflict do nothing returning id),
    counted as (
      ${count} and deleted_at is null and (exists (select from removed) or exists (select from added))
      returning like_count, like_version
    )
    select changed.id, is_liked, like_count, like_version
    from (select id, false as is_liked from removed union all select id, true from added) as changed
    left join counted on true`
}

function toLike(
  { is_liked: isLiked, id }: Toggled,
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
