import { DateTime, Nullable, OneOf, Uuid } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { Moment } from '../moments/shapes.ts'

export const ChangesQuery = Type.Object({
  since: Type.Optional(
    Type.String({ maxLength: 1_000, description: '`next` of the answer before. Absent: from the beginning.' }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Entries of an answer.' }),
})
export type ChangesQuery = Static<typeof ChangesQuery>

export const MomentChange = Type.Object(
  {
    change: OneOf(['created', 'changed', 'deleted', 'restored', 'purged']),
    momentUUID: Uuid,
    robotUUID: Uuid,
    moment: Type.Optional(Moment),
  },
  { title: 'MomentChange', description: '`moment` is as it is now; absent when it was deleted or purged.' },
)

export const AccessChange = Type.Object(
  {
    change: OneOf(['accessGranted', 'accessRevoked']),
    robotUUID: Uuid,
    visibleFrom: Type.Optional({
      ...Nullable(DateTime),
      description: 'Drop what was captured earlier. Null: everything is visible.',
    }),
  },
  { title: 'AccessChange' },
)

export const ChangesPage = Type.Object(
  {
    data: Type.Array(Type.Union([MomentChange, AccessChange])),
    next: Type.String({ description: 'For `since`. Ask again with it later: there may be more by then.' }),
  },
  { title: 'ChangesPage' },
)
export type ChangesPage = Static<typeof ChangesPage>
export type Change = ChangesPage['data'][number]
