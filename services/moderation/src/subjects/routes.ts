import { Uuid } from '@platform/contracts/shapes.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import { FOR_MODERATORS } from '../access.ts'
import type { Db } from '../db/schema.ts'
import type { EntityKind } from '../items/kind.ts'
import { showItem } from '../items/show-item.ts'
import { LISTED_AT_MOST, listNotApproved } from './not-approved.ts'

const listDefinition = ({ type, plural, shown }: EntityKind) =>
  defineRoute({
    ...FOR_MODERATORS,
    method: 'get',
    path: `/moderation/subjects/{subjectId}/${plural}`,
    operationId: `list${plural.charAt(0).toUpperCase()}${plural.slice(1)}OfSubject`,
    summary: `List a person's ${plural} that are not approved`,
    description: `What is in review, flagged or rejected of the ${type === 'group' ? 'owner' : 'author'}'s, newest first and unredacted; the ${LISTED_AT_MOST.toLocaleString('en')} newest.`,
    params: Type.Object({ subjectId: Uuid }),
    responses: { 200: Type.Array(Type.Unsafe<object>(shown)) },
  })

/** What a person wrote or owns of one kind that moderation has not let pass. */
export function subjectRoutes({ db }: { db: Db }, kind: EntityKind): Route[] {
  return [
    route(listDefinition(kind), async ({ params }) => {
      const items = await listNotApproved(db, kind.type, params.subjectId)
      return { status: 200, body: items.map((item) => showItem(kind, item)) }
    }),
  ]
}
