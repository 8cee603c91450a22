import { type Parts, prepare, prepareRead } from '@platform/db/prepared.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { Db, Tx } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { toMoments } from '../moments/moment-view.ts'
import { type Filter, filterValues, readFilter } from './filter.ts'
import { toMomentRow } from './moment-json.ts'
import { type PageRow, type PageShape, type PageValues, pageQuery } from './page-query.ts'
import {
  type Anchor,
  listName,
  type Position,
  readAnchor,
  readPosition,
  writeAnchor,
  writePosition,
} from './position.ts'
import { requireRight } from './robot-right.ts'
import type { TimelinePage, TimelineQuery } from './shapes.ts'

/** Which part of the timeline is read. */
export interface TimelineRequest {
  filter: Filter
  page: number
  limit: number
  after?: Position
  asOf?: Anchor
}

/**
 * Returns a page of the caller's timeline.
 *
 * With filters by `seen`, `feedback` and `pinned` an anchor still fixes which moments there are, but not what was done
 * with them since: no history of marks is kept. `after` is exact for them, too.
 *
 * @throws DomainError `validation`; `not_found` for an unknown robot; `forbidden` for one without a right
 */
export async function listTimeline(
  { db, clock, tokens, addresses }: Pick<Deps, 'db' | 'clock' | 'tokens' | 'addresses'>,
  caller: Caller,
  query: TimelineQuery,
): Promise<TimelinePage> {
  const filter = readFilter(query)
  const list = listName(caller.userId, filter)
  const now = clock()
  const { page, limit } = query
  if (query.after !== undefined && (page > 1 || query.asOf !== undefined)) {
    throw new DomainError('validation', 'query.after excludes query.page and query.asOf')
  }
  const after = query.after === undefined ? undefined : readPosition(tokens, list, query.after)
  const asOf = query.asOf === undefined ? undefined : readAnchor(tokens, list, query.asOf)
  const row = await readPage(db, caller, { filter, page, limit, after, asOf }, now)
  requireRight(row)
  const { moments, total, snapshot, views } = row
  const found = moments.slice(0, limit)
  const shown = found.filter(({ is_shown }) => is_shown).map(toMomentRow)
  const last = found.at(-1)
  const anchor = asOf ?? { snapshot, now, total, views }
  return {
    data: await toMoments(shown, { addresses, now }),
    count: shown.length,
    page,
    limit,
    total,
    next:
      last && moments.length > limit
        ? writePosition(tokens, list, { capturedAt: new Date(last.captured_at), id: last.id, total })
        : undefined,
    asOf: after ? undefined : (query.asOf ?? writeAnchor(tokens, list, anchor)),
  }
}

/** Reads a page with one more row than it shows. */
export async function readPage(
  db: Db | Tx,
  { userId }: Pick<Caller, 'userId'>,
  { filter, page, limit, after, asOf }: TimelineRequest,
  now: Date,
): Promise<PageRow> {
  const mode = asOf ? 'anchored' : after ? 'after' : 'live'
  const values: PageValues = {
    ...filterValues(filter, { userId, now: asOf?.now ?? now }),
    skipped: (page - 1) * limit,
    limit: limit + 1,
    afterTime: after?.capturedAt ?? null,
    afterId: after?.id ?? null,
    total: asOf?.total ?? after?.total ?? null,
    snapshot: asOf?.snapshot ?? null,
    robotIds: asOf?.views.map(([robotId]) => robotId) ?? [],
    visibleFroms: asOf?.views.map(([, visibleFrom]) => visibleFrom) ?? [],
  }
  const [row] = await run(db, { filter, mode }, values)
  if (!row) throw new Error('A page came without a row.')
  return row
}

/** Other requests share a connection with a prepared read, so it must not skip over many rows. */
const FAR = 1_000

async function run(db: Db | Tx, shape: PageShape, values: PageValues): Promise<PageRow[]> {
  const prepared = preparedFor(shape)
  if (!prepared) return (await pageQuery(shape, values).execute(db)).rows
  return values.skipped > FAR ? prepared.far(db, values) : prepared.near(db, values)
}

const preparedShapes = new Map<string, ReturnType<typeof prepareShape>>()

/**
 * Returns the prepared statements of the shapes that are read most: without a filter, by robot, by local time. The server
 * keeps a plan of each on every connection, so there must not be one for each combination of filters.
 */
function preparedFor(shape: PageShape): ReturnType<typeof prepareShape> | undefined {
  const { robotId, localTime, expired, ...others } = shape.filter
  if (expired || Object.values(others).some((value) => value !== undefined)) return undefined
  const name = ['timeline', shape.mode, robotId && 'robot', localTime && 'local time'].filter(Boolean).join(', ')
  let prepared = preparedShapes.get(name)
  if (!prepared) {
    prepared = prepareShape(name, shape)
    preparedShapes.set(name, prepared)
  }
  return prepared
}

function prepareShape(name: string, shape: PageShape) {
  const write = (parts: Parts<PageValues>) => pageQuery(shape, parts)
  return {
    near: prepareRead<PageValues, PageRow>(name, write),
    far: prepare<PageValues, PageRow>(`${name}, far`, write),
  }
}
