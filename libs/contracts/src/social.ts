import { defineEvent } from '@platform/events/event-type.ts'
import { PostLocation } from '@platform/geo/schemas.ts'
import { type Static, Type } from 'typebox'
import { erasurePartEvents } from './erasure.ts'
import { Lifetime, OneOf, Uuid } from './shapes.ts'

const Count = Type.Integer({ minimum: 0 })
const ContentRevision = Type.Integer({
  minimum: 1,
  description: 'Grows whenever what people can read or see changes.',
})

/** A person that a text names. */
export const Mention = Type.Object(
  { mentionedUserId: Uuid, mentionText: Type.String({ minLength: 1, maxLength: 2000 }) },
  { title: 'Mention' },
)
export type Mention = Static<typeof Mention>

/** `suggested` posts wait for an admin of their group; profile posts and reposts are `published` at once. */
export const POST_STATUSES = ['published', 'suggested', 'declined'] as const
export type PostStatus = (typeof POST_STATUSES)[number]

/** All that other services may know of a post. The counts are those of that moment. */
export const PostState = Type.Object({
  id: Uuid,
  authorId: Uuid,
  groupId: Type.Optional(Uuid),
  originalPostId: Type.Optional(Type.String({ format: 'uuid', description: 'Of a repost.' })),
  status: OneOf([...POST_STATUSES]),
  text: Type.String(),
  mediaIds: Type.Array(Uuid),
  mentions: Type.Array(Mention),
  location: Type.Optional(PostLocation),
  likeCount: Count,
  commentCount: Count,
  repostCount: Count,
  contentRevision: ContentRevision,
  ...Lifetime,
})
export type PostState = Static<typeof PostState>

const postEvent = (what: string, description: string) =>
  defineEvent({ type: `social.post.${what}`, topic: 'social.post', description, data: PostState })

export const postCreated = postEvent('created', 'Somebody wrote a post, in a group or on their profile.')
export const postEdited = postEvent('edited', 'The author changed a post or its pictures.')
export const postSuggested = postEvent('suggested', 'The author offered a post to a group, where it waits.')
export const postApproved = postEvent('approved', 'A post was published in its group, by an admin or by its rules.')
export const postDeclined = postEvent('declined', 'An admin declined a post that waited.')
export const postReposted = postEvent('reposted', 'Somebody reposted a post: the data is the repost.')
export const postDeleted = postEvent(
  'deleted',
  'A post or repost was deleted. Its comments and reposts follow with events of their own, its likes with none.',
)

/** How often a post is liked, now. */
export const PostLikes = Type.Object({ postId: Uuid, likeCount: Count })
export type PostLikes = Static<typeof PostLikes>

const likesEvent = (what: string, description: string) =>
  defineEvent({
    type: `social.post.${what}`,
    topic: 'social.post',
    description: `${description} Keyed by the post; the subject is POST/likes, with versions of its own.`,
    data: PostLikes,
  })

export const postLiked = likesEvent('liked', 'Somebody liked a post.')
export const postUnliked = likesEvent('unliked', 'Somebody took their like back.')

/** All that other services may know of a comment. The counts are those of that moment. */
export const CommentState = Type.Object({
  id: Uuid,
  postId: Uuid,
  authorId: Uuid,
  parentCommentId: Type.Optional(Type.String({ format: 'uuid', description: 'Of a reply.' })),
  text: Type.String(),
  mentions: Type.Array(Mention),
  edited: Type.Boolean(),
  likeCount: Count,
  replyCount: Count,
  contentRevision: ContentRevision,
  ...Lifetime,
})
export type CommentState = Static<typeof CommentState>

const commentEvent = (what: string, description: string) =>
  defineEvent({ type: `social.comment.${what}`, topic: 'social.comment', description, data: CommentState })

export const commentCreated = commentEvent('created', 'Somebody commented on a post or replied to a comment.')
export const commentEdited = commentEvent('edited', 'The author changed a comment.')
export const commentDeleted = commentEvent('deleted', 'A comment was deleted, alone or with its post.')

export const CommentLikes = Type.Object({ commentId: Uuid, postId: Uuid, likeCount: Count })
export type CommentLikes = Static<typeof CommentLikes>

const commentLikesEvent = (what: string, description: string) =>
  defineEvent({
    type: `social.comment.${what}`,
    topic: 'social.comment',
    description: `${description} Keyed by the comment; the subject is COMMENT/likes, with versions of its own.`,
    data: CommentLikes,
  })

export const commentLiked = commentLikesEvent('liked', 'Somebody liked a comment.')
export const commentUnliked = commentLikesEvent('unliked', 'Somebody took their like back.')

export const socialEvents = [
  postCreated,
  postEdited,
  postSuggested,
  postApproved,
  postDeclined,
  postReposted,
  postDeleted,
  postLiked,
  postUnliked,
  commentCreated,
  commentEdited,
  commentDeleted,
  commentLiked,
  commentUnliked,
  ...Object.values(erasurePartEvents('social')),
]
