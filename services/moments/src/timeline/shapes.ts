import { OneOf } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { Moment } from '../moments/shapes.ts'
import { FilterQuery } from './filter.ts'

const Token = (description: string) => Type.Optional(Type.String({ maxLength: 12_000, description }))
const Count = Type.Integer({ minimum: 0 })

export const TimelineQuery = Type.Object({
  ...FilterQuery,
  page: Type.Integer({ minimum: 1, maximum: 2_147_483_647, default: 1, description: 'Page number, from 1.' }),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Moments on a page.' }),
  after: Token(
    '`next` of the page before; without `page` and `asOf`. Read so, a list that changes meanwhile neither repeats a moment nor skips one that stays.',
  ),
  asOf: Token(
    '`asOf` of the first page. Pages that send it back are those of the list as it was then: they neither repeat nor skip. Moments that were deleted since are left out, so a page may be short.',
  ),
})
export type TimelineQuery = Static<typeof TimelineQuery>

export const TimelinePage = Type.Object(
  {
    data: Type.Array(Moment),
    count: Count,
    page: Type.Integer({ minimum: 1 }),
    limit: Type.Integer({ minimum: 1 }),
    total: Type.Integer({
      minimum: 0,
      description: 'Moments in the list when its first page was read; the same on all pages of one `asOf` or `next`.',
    }),
    next: Type.Optional(Type.String({ description: 'For `after`. Absent at the end.' })),
    asOf: Type.Optional(Type.String({ description: 'For `asOf` of later pages. Absent after `after`.' })),
  },
  { title: 'TimelinePage' },
)
export type TimelinePage = Static<typeof TimelinePage>

export const BUCKET_SIZES = ['day', 'month', 'hour'] as const
export type BucketSize = (typeof BUCKET_SIZES)[number]

export const BucketsQuery = Type.Object({
  ...FilterQuery,
  by: OneOf([...BUCKET_SIZES], { default: 'day' }),
})

export const Bucket = Type.Object(
  {
    bucket: Type.String({ description: 'Local wall clock: YYYY-MM-DD, YYYY-MM, or YYYY-MM-DDTHH.' }),
    total: Count,
    unseen: Count,
    liked: Count,
  },
  { title: 'Bucket' },
)
export type Bucket = Static<typeof Bucket>

export const MemoriesQuery = Type.Object({
  date: Type.Optional(
    Type.String({
      pattern: '^\\d{4}-\\d\\d-\\d\\d$',
      description: "YYYY-MM-DD. Default: today in the time zone of the caller's newest moment; UTC when there is none.",
    }),
  ),
})

export const MemoriesOfYear = Type.Object(
  { year: Type.Integer({ minimum: 1 }), moments: Type.Array(Moment, { maxItems: 10, description: 'Newest first.' }) },
  { title: 'MemoriesOfYear' },
)
export type MemoriesOfYear = Static<typeof MemoriesOfYear>
