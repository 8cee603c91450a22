import { isRedacted, REDACTED, type RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { CommentState } from '@platform/contracts/social.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { CommentRow, Db } from '../db/schema.ts'
import type { Comment } from './shapes.ts'

/**
 * Comments as the caller sees them, with the parents of replies and what the caller likes: two queries, however many
 * comments.
 */
export async function showComments(
  db: Db,
  caller: Caller,
  rows: CommentRow[],
  redacted: RedactedStatuses,
): Promise<Comment[]> {
  if (rows.length === 0) return []
  const parentIds = [...new Set(rows.map(({ parent_comment_id }) => parent_comment_id).filter((id) => id !== null))]
  const [parents, liked] = await Promise.all([
    parentIds.length === 0 ? [] : db.selectFrom('comment').selectAll().where('id', 'in', parentIds).execute(),
    likedQuery(
      db,
      caller.userId,
      rows.map(({ id }) => id),
    ).execute(),
  ])
  const parentOf = new Map(parents.map((parent) => [parent.id, parent]))
  const likedIds = new Set(liked.map(({ comment_id }) => comment_id))
  return rows.map((row) => {
    const parent = row.parent_comment_id === null ? undefined : parentOf.get(row.parent_comment_id)
    return toComment(row, parent, likedIds.has(row.id), caller, redacted)
  })
}

/** Which of the comments a person likes. */
export function likedQuery(db: Db, userId: string, commentIds: string[]) {
  return db
    .selectFrom('comment_like')
    .select('comment_id')
    .where('user_id', '=', userId)
    .where('comment_id', 'in', commentIds)
}

function toComment(
  row: CommentRow,
  parent: CommentRow | undefined,
  isLiked: boolean,
  caller: Caller,
  redacted: RedactedStatuses,
): Comment {
  const moderated = isHidden(row, caller, redacted)
  return {
    commentId: row.id,
    postId: row.post_id,
    commenterUserId: row.author_id,
    text: moderated ? REDACTED : row.text,
    likeCount: row.like_count,
    likedByUser: isLiked,
    edited: row.is_edited,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    mentions: moderated ? [] : row.mentions,
    moderationStatus: row.moderation_status,
    ...(row.parent_comment_id !== null && {
      parentCommentId: row.parent_comment_id,
      parentCommentDeleted: !parent || parent.deleted_at !== null,
      parentComment: parent && parent.deleted_at === null ? toPreview(parent, caller, redacted) : undefined,
    }),
    replyCount: row.reply_count,
    moderated,
  }
}

function toPreview(parent: CommentRow, caller: Caller, redacted: RedactedStatuses) {
  const text = isHidden(parent, caller, redacted) ? REDACTED : parent.text
  return { commentId: parent.id, text, commenterUserId: parent.author_id }
}

function isHidden(row: CommentRow, caller: Caller, redacted: RedactedStatuses): boolean {
  return isRedacted({ status: row.moderation_status, authorId: row.author_id }, caller, redacted)
}

/** A comment as other services learn of it. */
export function toCommentState(row: CommentRow): CommentState {
  return {
    id: row.id,
    postId: row.post_id,
    authorId: row.author_id,
    parentCommentId: row.parent_comment_id ?? undefined,
    text: row.text,
    mentions: row.mentions,
    edited: row.is_edited,
    likeCount: row.like_count,
    replyCount: row.reply_count,
    contentRevision: row.content_revision,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString(),
  }
}
