import { defineRoute, type Route, route } from '@platform/http/route.ts'
import type { Deps } from '../deps.ts'
import { requireDigits } from '../timeline/digits.ts'
import { listChanges } from './list-changes.ts'
import { ChangesPage, ChangesQuery } from './shapes.ts'

const changesDefinition = defineRoute({
  method: 'get',
  path: '/moments/changes',
  operationId: 'listMomentChanges',
  summary: 'Read what has changed',
  description:
    'For clients that keep a copy: moments, the marks of the caller on them, and rights on robots, in commit order without gaps. A moment is listed once, at its newest change; a right that is granted lists all moments of its robot anew. Expiry is no change: compare `expiresAt`.',
  tag: 'moments',
  access: { scope: 'moments:read' },
  query: ChangesQuery,
  responses: { 200: ChangesPage },
})

/** The list of changes, to be polled. */
export function changesRoutes(deps: Deps): Route[] {
  return [
    route(changesDefinition, async ({ caller, query, path }) => {
      requireDigits(path, ['limit'])
      return { status: 200, body: await listChanges(deps, caller, query) }
    }),
  ]
}
