import { defineRoute, type Route, route } from '@platform/http/route.ts'
import type { Deps } from '../deps.ts'
import { requireDigits } from '../timeline/digits.ts'
import { readSmartFeed } from './read-feed.ts'
import { SmartFeedPage, SmartFeedQuery } from './shapes.ts'

const feedDefinition = defineRoute({
  method: 'get',
  path: '/moments/smart',
  operationId: 'readSmartFeed',
  summary: 'Read the smart feed',
  description:
    'Moments of the last 30 days, and older ones that the caller liked, ordered by what the caller has liked, shared, disliked and deleted. Disliked moments are left out. The order is kept while pages are read: a request without `startUUID` builds a new one after 15 minutes, three new moments, or new feedback. A page is short only at the end.',
  tag: 'moments',
  access: { scope: 'moments:read' },
  query: SmartFeedQuery,
  responses: { 200: SmartFeedPage },
  errors: ['forbidden', 'not_found'],
})

/** The smart feed. */
export function smartRoutes(deps: Deps): Route[] {
  return [
    route(feedDefinition, async ({ caller, query, path }) => {
      requireDigits(path, ['limit'])
      return { status: 200, body: await readSmartFeed(deps, caller, query) }
    }),
  ]
}
