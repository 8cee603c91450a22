import { PageOf } from '@platform/http/paging.ts'
import { DateTime, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'

export const Like = Type.Object(
  {
    likeId: Type.Optional(Uuid),
    postId: Uuid,
    commentId: Type.Optional(Uuid),
    likeUserId: Uuid,
    isLiked: Type.Boolean(),
    createdAt: Type.Optional(DateTime),
  },
  { title: 'Like', description: '`likeId` and `createdAt` are those of a like that stands.' },
)
export type Like = Static<typeof Like>

export const LikePage = PageOf(Like, 'LikePage')
