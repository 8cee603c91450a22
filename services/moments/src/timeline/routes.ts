import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { Type } from 'typebox'
import type { Deps } from '../deps.ts'
import { countBuckets } from './buckets.ts'
import { requireDigits } from './digits.ts'
import { readFilter } from './filter.ts'
import { listTimeline } from './list-timeline.ts'
import { listMemories } from './memories.ts'
import { Bucket, BucketsQuery, MemoriesOfYear, MemoriesQuery, TimelinePage, TimelineQuery } from './shapes.ts'

const read = { tag: 'moments', access: { scope: 'moments:read' } } as const

const listDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/moments',
  operationId: 'listMoments',
  summary: 'Read the timeline',
  description:
    'Moments of all robots that the caller has a right on, newest capture first. Filters combine with AND. Expired moments are left out unless `filter[expired]` is true; a pinned moment never expires.',
  query: TimelineQuery,
  responses: { 200: TimelinePage },
  errors: ['forbidden', 'not_found'],
})

const bucketsDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/moments/buckets',
  operationId: 'countMoments',
  summary: 'Count the timeline by day, month or hour',
  description:
    "By the robots' wall clock at capture, newest first. Buckets without a moment are left out. Their totals add up to that of the timeline with the same filter.",
  query: BucketsQuery,
  responses: { 200: Type.Array(Bucket) },
  errors: ['forbidden', 'not_found'],
})

const memoriesDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/moments/memories',
  operationId: 'listMemories',
  summary: 'Read moments of the same date in earlier years',
  description:
    "By the robots' wall clock at capture; at most ten a year, newest year first. In a common year 28 February also shows moments of 29 February.",
  query: MemoriesQuery,
  responses: { 200: Type.Array(MemoriesOfYear) },
})

/** Reads of many moments, in order of their captures. */
export function timelineRoutes(deps: Deps): Route[] {
  return [
    route(listDefinition, async ({ caller, query, path }) => {
      requireDigits(path, ['page', 'limit'])
      return { status: 200, body: await listTimeline(deps, caller, query) }
    }),
    route(bucketsDefinition, async ({ caller, query }) => {
      const wanted = { filter: readFilter(query), by: query.by }
      return { status: 200, body: await countBuckets(deps.db, caller, wanted, deps.clock()) }
    }),
    route(memoriesDefinition, async ({ caller, query }) => ({
      status: 200,
      body: await listMemories(deps, caller, query.date),
    })),
  ]
}
