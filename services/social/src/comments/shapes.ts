import { ModerationStatus } from '@platform/contracts/shapes.ts'
import { Mention } from '@platform/contracts/social.ts'
import { PageOf } from '@platform/http/paging.ts'
import { DateTime, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { goingOn } from '../lists/going-on.ts'
import { NewMentions } from '../posts/mentions.ts'

/** What a new comment, a reply and an edit take; mentions that are left out are gone. */
export const CommentInput = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: 2000 }),
    mentions: NewMentions,
  },
  { title: 'CommentInput' },
)
export type CommentInput = Static<typeof CommentInput>

const Count = Type.Integer({ minimum: 0 })

/** A comment as one caller sees it. */
export const Comment = Type.Object(
  {
    commentId: Uuid,
    postId: Uuid,
    commenterUserId: Uuid,
    text: Type.String(),
    likeCount: Count,
    likedByUser: Type.Boolean(),
    edited: Type.Boolean(),
    createdAt: DateTime,
    updatedAt: DateTime,
    mentions: Type.Array(Mention),
    moderationStatus: ModerationStatus,
    parentCommentId: Type.Optional(Type.String({ format: 'uuid', description: 'Of a reply.' })),
    parentCommentDeleted: Type.Optional(Type.Boolean({ description: 'Of a reply.' })),
    parentComment: Type.Optional(
      Type.Object(
        { commentId: Uuid, text: Type.String(), commenterUserId: Uuid },
        { title: 'ParentCommentPreview', description: 'Of a reply whose parent is not deleted.' },
      ),
    ),
    replyCount: Type.Integer({ minimum: 0, description: 'Direct replies.' }),
    moderated: Type.Boolean({ description: 'True: the content is redacted.' }),
  },
  { title: 'Comment' },
)
export type Comment = Static<typeof Comment>

export const CommentPage = goingOn(PageOf(Comment, 'CommentPage'), 'CommentPage')

/** A part of a list that goes on at a cursor. */
export const ReplyPage = Type.Object(
  {
    data: Type.Array(Comment),
    count: Count,
    hasMore: Type.Boolean(),
    nextCursor: Type.Optional(Type.String({ description: 'For `after`.' })),
  },
  { title: 'ReplyPage' },
)
export type ReplyPage = Static<typeof ReplyPage>

export const CommentParams = Type.Object({ postId: Uuid, commentId: Uuid })
