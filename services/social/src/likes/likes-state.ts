import type { CommentLikes, PostLikes } from '@platform/contracts/social.ts'
import type { CommentRow, PostRow } from '../db/schema.ts'

/** What others may know of a post's likes. */
export function toPostLikes({ id, like_count }: PostRow): PostLikes {
  return { postId: id, likeCount: like_count }
}

/** What others may know of a comment's likes. */
export function toCommentLikes({ id, post_id, like_count }: CommentRow): CommentLikes {
  return { commentId: id, postId: post_id, likeCount: like_count }
}
