import { ModerationStatus } from '@platform/contracts/shapes.ts'
import { Mention } from '@platform/contracts/social.ts'
import { MAX_URI_LENGTH, PostLocation } from '@platform/geo/schemas.ts'
import { PageOf, PageQuery } from '@platform/http/paging.ts'
import { DateTime, OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { After, goingOn } from '../lists/going-on.ts'
import { NewMentions } from './mentions.ts'

export const MAX_PICTURES = 6

export const NewPost = Type.Object(
  {
    text: Type.String({ maxLength: 2000 }),
    mediaIds: Type.Optional(Type.Array(Uuid, { maxItems: MAX_PICTURES })),
    mentions: NewMentions,
    uri: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_URI_LENGTH,
        examples: ['geo:59.91273,10.74609'],
        description: 'An address, resolved to the location.',
      }),
    ),
  },
  { title: 'NewPost' },
)
export type NewPost = Static<typeof NewPost>

/** What `PUT` takes: pictures and mentions that are left out are gone; the location stays until it is removed. */
export const PostInput = Type.Object(
  {
    ...NewPost.properties,
    removeLocation: Type.Optional(Type.Boolean({ description: 'Clears the location; not together with `uri`.' })),
  },
  { title: 'PostInput' },
)
export type PostInput = Static<typeof PostInput>

const Count = Type.Integer({ minimum: 0 })

const postFields = {
  id: Uuid,
  text: Type.String(),
  createdAt: DateTime,
  updatedAt: DateTime,
  authorId: Uuid,
  groupId: Type.Optional(Uuid),
  mediaIds: Type.Array(Uuid),
  likeCount: Count,
  commentCount: Count,
  likedByUser: Type.Boolean(),
  commentedByUser: Type.Boolean(),
  mentions: Type.Array(Mention),
  location: Type.Optional(PostLocation),
  moderationStatus: ModerationStatus,
  originalPostId: Type.Optional(Type.String({ format: 'uuid', description: 'Of a repost.' })),
  repostCount: Type.Integer({ minimum: 0, description: "A repost's is its original's." }),
  repostedByUser: Type.Boolean(),
  moderated: Type.Boolean({ description: 'True: the content is redacted.' }),
}

export const OriginalPost = Type.Object(postFields, { title: 'OriginalPost' })

/** A post as one caller sees it. */
export const Post = Type.Object({ ...postFields, originalPost: Type.Optional(OriginalPost) }, { title: 'Post' })
export type Post = Static<typeof Post>

export const PostPage = PageOf(Post, 'PostPage')
/** A page of a list that may be read by cursors, too. */
export const FeedPage = goingOn(PostPage, 'FeedPage')
export const Created = Type.Object({ id: Uuid }, { title: 'Created' })

export const GroupParams = Type.Object({ groupId: Uuid })
export const PostParams = Type.Object({ postId: Uuid })
export const GroupPostParams = Type.Object({ groupId: Uuid, postId: Uuid })

export const UserPostsQuery = Type.Object({
  ...PageQuery,
  after: After,
  type: { ...OneOf(['created', 'reposted', 'all']), default: 'all' },
})
