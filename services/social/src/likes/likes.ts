import { commentLiked, commentUnliked, postLiked, postUnliked } from '@platform/contracts/social.ts'
import { type Parts, prepare } from '@platform/db/prepared.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { type Cause, completed, draftEvent, isUnannounced } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { type RawBuilder, sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { commentNotFound, getComment } from '../comments/find-comment.ts'
import type { Db } from '../db/schema.ts'
import { getPost, type Place, postNotFound, requireVisible } from '../posts/find-post.ts'
import { SOURCE } from '../posts/post-events.ts'
import type { Like } from './shapes.ts'

/**
 * Likes a post for the caller, or takes that back. It takes no more than seeing the post: a like is no writing, so
 * somebody muted may.
 */
export async function togglePostLike(
  db: Db,
  caller: Caller,
  place: Place,
  postId: string,
  cause: Cause,
): Promise<Like> {
  const like = { postId: await requireVisible(db, caller, postId, place), userId: caller.userId }
  const drafts = draftBoth(like.postId, { postId: like.postId }, { liked: postLiked, unliked: postUnliked }, cause)
  const toggled = await toggle((id) => togglePost(db, { ...like, ...drafts, id, at: cause.at }))
  if (!toggled) throw postNotFound()
  return toLike(toggled, like, cause)
}

/** The same for a comment. */
export async function toggleCommentLike(
  db: Db,
  caller: Caller,
  postId: string,
  commentId: string,
  cause: Cause,
): Promise<Like> {
  const { comment } = await getComment(db, caller, commentId, { postId })
  const like = { commentId: comment.id, postId: comment.post_id, userId: caller.userId }
  const data = { commentId: comment.id, postId: comment.post_id }
  const drafts = draftBoth(comment.id, data, { liked: commentLiked, unliked: commentUnliked }, cause)
  const toggled = await toggle((id) => toggleComment(db, { ...like, ...drafts, id, at: cause.at }))
  if (!toggled) throw commentNotFound()
  return toLike(toggled, like, cause)
}

/** A like that came or went. */
interface Toggled {
  id: string
  is_liked: boolean
}

const TRIES = 20

/**
 * Removes the like or, where there is none, adds it. Of two toggles by one person at once the second waits for the
 * first's row and then finds the other state, so it looks again.
 *
 * @returns undefined when what was to be liked is gone: it was deleted since the caller looked
 */
async function toggle(run: (id: string) => Promise<Toggled[]>): Promise<Toggled | undefined> {
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const [toggled] = await run(uuidv7())
      if (toggled) return toggled
    }
  } catch (error) {
    if (isUnannounced(error)) return undefined
    throw error
  }
  throw new Error('The like changes faster than it can be read.')
}

/** The rows of the two events, one of which will be: as the like comes or goes. */
interface Drafts {
  topic: string
  key: string
  liked: string
  unliked: string
}

/** @param id of what is liked: likes have a subject and versions of their own, in the order of its events */
function draftBoth<D extends { likeCount: number }>(
  id: string,
  data: Omit<D, 'likeCount'>,
  { liked, unliked }: { liked: EventType<D>; unliked: EventType<D> },
  cause: Cause,
): Drafts {
  const event = { source: SOURCE, subject: `${id}/likes`, key: id, data, counts: ['likeCount'] as const }
  const came = draftEvent<D, 'likeCount'>({ ...event, type: liked }, cause)
  const went = draftEvent<D, 'likeCount'>({ ...event, type: unliked }, cause)
  return { topic: came.topic, key: came.key, liked: came.event, unliked: went.event }
}

const COUNTED = sql`
  like_count = like_count + (select count(*) from added) - (select count(*) from removed), like_version = like_version + 1`

/**
 * All that a like changes, and its event, in one statement that commits by itself: those who like the same thing wait for
 * each other as shortly as can be. The row that they share is locked late, when it is known that the like came or went,
 * and the event takes its id after that. Nobody who holds that row goes for a like's.
 *
 * No row comes back when the like neither came nor went. The statement fails when there is nothing to count it on.
 */
function toggleQuery(
  { topic, key, liked, unliked }: Parts<Drafts>,
  remove: RawBuilder<unknown>,
  add: RawBuilder<unknown>,
  count: RawBuilder<unknown>,
) {
  const draft = sql`case when is_liked then ${liked} else ${unliked} end`
  const event = completed(draft, sql.ref('like_version'), { likeCount: sql.ref('like_count') })
  return sql<Toggled>`
    with removed as (${remove} returning id),
    added as (${add} where not exists (select from removed) on conflict do nothing returning id),
    changed as (select id, false as is_liked from removed union all select id, true from added),
    counted as (
      ${count} and deleted_at is null and exists (select from changed) returning like_count, like_version
    ),
    announced as (
      insert into outbox (topic, key, event) select ${topic}, ${key}, ${event} from changed left join counted on true
    )
    select id, is_liked from changed`
}

interface PostToggle extends Drafts {
  id: string
  postId: string
  userId: string
  at: Date
}

const togglePost = prepare(
  'toggle post like',
  ({ id, postId, userId, at, topic, key, liked, unliked }: Parts<PostToggle>) =>
    toggleQuery(
      { topic, key, liked, unliked },
      sql`delete from post_like where post_id = ${postId} and user_id = ${userId}`,
      sql`insert into post_like (id, post_id, user_id, created_at) select ${id}, ${postId}, ${userId}, ${at}::timestamptz`,
      sql`update post set ${COUNTED} where id = ${postId}`,
    ),
)

interface CommentToggle extends PostToggle {
  commentId: string
}

const toggleComment = prepare(
  'toggle comment like',
  ({ id, commentId, postId, userId, at, topic, key, liked, unliked }: Parts<CommentToggle>) =>
    toggleQuery(
      { topic, key, liked, unliked },
      sql`delete from comment_like where comment_id = ${commentId} and user_id = ${userId}`,
      sql`insert into comment_like (id, comment_id, post_id, user_id, created_at)
      select ${id}, ${commentId}, ${postId}, ${userId}, ${at}::timestamptz`,
      sql`update comment set ${COUNTED} where id = ${commentId}`,
    ),
)

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
