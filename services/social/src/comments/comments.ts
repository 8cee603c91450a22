import { isDeepStrictEqual } from 'node:util'
import { isModerator } from '@platform/contracts/redaction.ts'
import { type CommentState, commentCreated, commentDeleted, commentEdited } from '@platform/contracts/social.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { type Cause, publishAll } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { CommentRow, Tx } from '../db/schema.ts'
import { enqueueDeletion } from '../deletions/queue.ts'
import { forbidden, isAdmin, requireUnmuted, requireWriter } from '../membership/access.ts'
import { type FoundPost, getPost } from '../posts/find-post.ts'
import { readMentions } from '../posts/mentions.ts'
import { SOURCE } from '../posts/post-events.ts'
import { toCommentState } from './comment-view.ts'
import { commentNotFound, getComment } from './find-comment.ts'
import type { CommentInput } from './shapes.ts'

/**
 * Comments on a post, or replies to a comment of it. On a group's post it takes a participant who is not muted.
 *
 * @param parentCommentId of a reply
 * @returns the new comment's id
 */
export async function createComment(
  trx: Tx,
  caller: Caller,
  { postId, parentCommentId }: { postId: string; parentCommentId?: string },
  input: CommentInput,
  cause: Cause,
): Promise<string> {
  // The post's row is locked first by everybody who adds or removes comments.
  const { post, access } =
    parentCommentId === undefined
      ? await getPost(trx, caller, postId, 'anywhere', { lock: 'update' })
      : await getComment(trx, caller, parentCommentId, { postId, lock: 'update' })
  if (access) requireWriter(access)
  const comment = await trx
    .insertInto('comment')
    .values({
      id: uuidv7(),
      post_id: post.id,
      author_id: caller.userId,
      parent_comment_id: parentCommentId ?? null,
      ...columnsOf(input),
      created_at: laterThanOthers(post.id, cause.at),
      updated_at: laterThanOthers(post.id, cause.at),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishComments(trx, commentCreated, [comment], cause)
  await count(trx, comment, 1)
  return comment.id
}

/**
 * The time of a new comment, later than that of every other on its post, which is locked: somebody who reads on from the
 * last of them finds it. Whoever waited for the lock, or has a clock that is behind, brings an earlier time along.
 */
function laterThanOthers(postId: string, at: Date) {
  return sql<Date>`greatest(${at}::timestamptz, (
    select created_at + interval '1 millisecond' from comment
    where post_id = ${postId} and deleted_at is null
    order by created_at desc, id desc limit 1
  ))`
}

/**
 * Changes a comment's text. The author, unless they are muted in the group. One that says the same is edited, too, but
 * only once, and its content keeps its revision: what moderation decided on is still there.
 */
export async function editComment(
  trx: Tx,
  caller: Caller,
  postId: string,
  commentId: string,
  input: CommentInput,
  cause: Cause,
): Promise<void> {
  const { comment, access } = await getComment(trx, caller, commentId, { postId, lock: 'update' })
  if (comment.author_id !== caller.userId) {
    throw new DomainError('forbidden', 'Only the author of the comment may do this.')
  }
  if (access) requireUnmuted(access)
  const { text, mentions = [] } = input
  const isSame = comment.text === text && isDeepStrictEqual(comment.mentions, readMentions(text, mentions))
  if (isSame && comment.is_edited) return
  const edited = await trx
    .updateTable('comment')
    .set({
      ...columnsOf(input),
      is_edited: true,
      version: comment.version + 1,
      content_revision: comment.content_revision + (isSame ? 0 : 1),
      updated_at: cause.at,
    })
    .where('id', '=', comment.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishComments(trx, commentEdited, [edited], cause)
}

/**
 * Deletes a comment; its replies stay. Its author, the post's author, an admin of the group, or a moderator. The
 * comment's author and moderators need not see the post.
 */
export async function deleteComment(
  trx: Tx,
  caller: Caller,
  postId: string,
  commentId: string,
  cause: Cause,
): Promise<void> {
  const comment = await lockComment(trx, postId, commentId)
  if (comment?.author_id !== caller.userId && !(comment && isModerator(caller))) {
    const found = await getComment(trx, caller, commentId, { postId })
    if (!mayDelete(found, caller)) {
      const refusal =
        'Only its author, the author of the post, an admin of the group or a moderator may delete a comment.'
      throw found.access ? forbidden(found.access, refusal) : new DomainError('forbidden', refusal)
    }
  }
  if (!comment) throw commentNotFound()
  const [deleted] = await markDeleted(trx, [comment.id], cause)
  if (!deleted) throw commentNotFound()
  await count(trx, deleted, -1)
  await enqueueDeletion(trx, 'comment', comment.id, cause)
}

const mayDelete = ({ post, access }: FoundPost, { userId }: Caller): boolean =>
  post.author_id === userId || (access !== undefined && isAdmin(access))

/** The post's row first. @returns undefined when either is gone */
async function lockComment(trx: Tx, postId: string, commentId: string): Promise<CommentRow | undefined> {
  const post = await trx
    .selectFrom('post')
    .select('id')
    .where('id', '=', postId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!post) return undefined
  return trx
    .selectFrom('comment')
    .selectAll()
    .where('id', '=', commentId)
    .where('post_id', '=', postId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Marks comments as deleted and announces it; the counts are the caller's. @returns them as they are then */
export async function markDeleted(trx: Tx, commentIds: string[], cause: Cause): Promise<CommentRow[]> {
  if (commentIds.length === 0) return []
  const deleted = await trx
    .updateTable('comment')
    .set({ deleted_at: cause.at, updated_at: cause.at, version: sql`version + 1` })
    .where('id', 'in', commentIds)
    .where('deleted_at', 'is', null)
    .returningAll()
    .execute()
  await publishComments(trx, commentDeleted, deleted, cause)
  return deleted
}

/** One comment more or less, on its post and its parent. */
async function count(trx: Tx, comment: CommentRow, difference: 1 | -1): Promise<void> {
  await trx
    .updateTable('post')
    .set({ comment_count: sql`comment_count + ${difference}` })
    .where('id', '=', comment.post_id)
    .execute()
  if (comment.parent_comment_id === null) return
  await trx
    .updateTable('comment')
    .set({ reply_count: sql`reply_count + ${difference}` })
    .where('id', '=', comment.parent_comment_id)
    .execute()
}

function columnsOf({ text, mentions = [] }: CommentInput) {
  return { text, mentions: JSON.stringify(readMentions(text, mentions)) }
}

/** Announces comments as they are now; their rows were changed, or inserted, in this transaction. */
export async function publishComments(
  trx: Tx,
  type: EventType<CommentState>,
  rows: CommentRow[],
  cause: Cause,
): Promise<void> {
  const events = rows.map((row) => ({
    type,
    source: SOURCE,
    subject: row.id,
    entityVersion: row.version,
    data: toCommentState(row),
  }))
  await publishAll(trx, events, cause)
}
