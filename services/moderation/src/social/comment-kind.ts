import { DateTime, ModerationStatus, Uuid } from '@platform/contracts/shapes.ts'
import { CommentState, Mention } from '@platform/contracts/social.ts'
import type { ServiceClient } from '@platform/http/client.ts'
import { type Static, Type } from 'typebox'
import { askOwner } from '../items/ask-owner.ts'
import { ContentRevision, type EntityKind } from '../items/kind.ts'

const Count = Type.Integer({ minimum: 0, description: 'As it was when the comment was last changed.' })

/** A comment as moderators see it: everything, whatever its status. */
export const ModeratedComment = Type.Object(
  {
    commentId: Uuid,
    postId: Uuid,
    commenterUserId: Uuid,
    text: Type.String(),
    likeCount: Count,
    edited: Type.Boolean(),
    createdAt: DateTime,
    updatedAt: DateTime,
    mentions: Type.Array(Mention),
    moderationStatus: ModerationStatus,
    parentCommentId: Type.Optional(Uuid),
    replyCount: Count,
    contentRevision: ContentRevision,
  },
  { title: 'ModeratedComment' },
)
export type ModeratedComment = Static<typeof ModeratedComment>

/** Comments, which the social service owns. */
export function commentKind(social: ServiceClient): EntityKind<CommentState> {
  return {
    type: 'comment',
    plural: 'comments',
    idParameter: 'commentId',
    shown: ModeratedComment,
    show: toModeratedComment,
    facts: ({ id, authorId, contentRevision, createdAt, deletedAt }) => ({
      entityId: id,
      subjectId: authorId,
      contentRevision,
      createdAt,
      deletedAt,
    }),
    ask: askOwner(social, CommentState, { path: '/internal/comments', owner: 'The social service' }),
  }
}

// Named field by field, as for posts.
function toModeratedComment(
  state: CommentState,
  { status, contentRevision }: { status: ModerationStatus; contentRevision: number },
): ModeratedComment {
  return {
    commentId: state.id,
    postId: state.postId,
    commenterUserId: state.authorId,
    text: state.text,
    likeCount: state.likeCount,
    edited: state.edited,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    mentions: state.mentions,
    moderationStatus: status,
    parentCommentId: state.parentCommentId,
    replyCount: state.replyCount,
    contentRevision,
  }
}
