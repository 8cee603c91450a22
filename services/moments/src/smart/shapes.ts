import { OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { Moment } from '../moments/shapes.ts'
import { FilterQuery } from '../timeline/filter.ts'

export const SmartFeedQuery = Type.Object({
  ...FilterQuery,
  limit: Type.Integer({ minimum: 1, maximum: 100, description: 'Moments on a page.' }),
  startUUID: Type.Optional({
    ...Uuid,
    description:
      '`next` of the page before: the first moment of the page. Any moment of the last three snapshots is accepted, also one that was deleted since; the newest of them that has it is read on.',
  }),
  snapshot: Type.Optional({
    ...Uuid,
    description:
      '`snapshot` of the page before, with `startUUID`: reads on in this one, also after a newer one was built.',
  }),
})
export type SmartFeedQuery = Static<typeof SmartFeedQuery>

export const SmartMoment = Type.Object(
  {
    ...Moment.properties,
    why: OneOf(['type', 'robot', 'hour', 'fresh', 'liked-before', 'explore']),
    similarCount: Type.Integer({
      minimum: 0,
      description: 'Other moments of the same robot and type within a minute, which this one stands for.',
    }),
  },
  { title: 'SmartMoment' },
)
export type SmartMoment = Static<typeof SmartMoment>

export const SmartFeedPage = Type.Object(
  {
    data: Type.Array(SmartMoment),
    count: Type.Integer({ minimum: 0 }),
    limit: Type.Integer({ minimum: 1 }),
    next: Type.Optional({ ...Uuid, description: 'For `startUUID`. Absent at the end.' }),
    snapshot: { ...Uuid, description: 'The order that the page belongs to.' },
  },
  { title: 'SmartFeedPage' },
)
export type SmartFeedPage = Static<typeof SmartFeedPage>
