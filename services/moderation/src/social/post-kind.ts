import { DateTime, ModerationStatus, Uuid } from '@platform/contracts/shapes.ts'
import { Mention, PostState } from '@platform/contracts/social.ts'
import { PostLocation } from '@platform/geo/schemas.ts'
import type { ServiceClient } from '@platform/http/client.ts'
import { type Static, Type } from 'typebox'
import { askOwner } from '../items/ask-owner.ts'
import { ContentRevision, type EntityKind } from '../items/kind.ts'

const Count = Type.Integer({ minimum: 0, description: 'As it was when the post was last changed.' })

/** A post as moderators see it: everything, whatever its status. */
export const ModeratedPost = Type.Object(
  {
    id: Uuid,
    text: Type.String(),
    createdAt: DateTime,
    updatedAt: DateTime,
    authorId: Uuid,
    groupId: Type.Optional(Uuid),
    originalPostId: Type.Optional(Uuid),
    mediaIds: Type.Array(Uuid),
    likeCount: Count,
    commentCount: Count,
    mentions: Type.Array(Mention),
    location: Type.Optional(PostLocation),
    moderationStatus: ModerationStatus,
    contentRevision: ContentRevision,
  },
  { title: 'ModeratedPost' },
)
export type ModeratedPost = Static<typeof ModeratedPost>

/** Posts, which the social service owns. */
export function postKind(social: ServiceClient): EntityKind<PostState> {
  return {
    type: 'post',
    plural: 'posts',
    idParameter: 'postId',
    shown: ModeratedPost,
    show: toModeratedPost,
    facts: ({ id, authorId, contentRevision, createdAt, deletedAt }) => ({
      entityId: id,
      subjectId: authorId,
      contentRevision,
      createdAt,
      deletedAt,
    }),
    ask: askOwner(social, PostState, { path: '/internal/posts', owner: 'The social service' }),
  }
}

// Named field by field: what the social service may add to its events one day is not shown by itself.
function toModeratedPost(
  state: PostState,
  { status, contentRevision }: { status: ModerationStatus; contentRevision: number },
): ModeratedPost {
  return {
    id: state.id,
    text: state.text,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    authorId: state.authorId,
    groupId: state.groupId,
    originalPostId: state.originalPostId,
    mediaIds: state.mediaIds,
    likeCount: state.likeCount,
    commentCount: state.commentCount,
    mentions: state.mentions,
    location: state.location,
    moderationStatus: status,
    contentRevision,
  }
}
