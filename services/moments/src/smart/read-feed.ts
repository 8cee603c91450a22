import { type Parts, prepareRead } from '@platform/db/prepared.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/schema.ts'
import type { Deps } from '../deps.ts'
import { type MomentViewRow, momentColumns, toMoment } from '../moments/moment-view.ts'
import { type Filter, readFilter } from '../timeline/filter.ts'
import { type Feed, type FeedValues, feedSql, feedValues, isUnfiltered } from './feed.ts'
import type { SmartFeedPage, SmartFeedQuery } from './shapes.ts'
import { currentSnapshot, type FeedItem, type Snapshot, snapshotFrom } from './snapshots.ts'

/** An item whose moment the user may see now. */
interface ShownItem {
  item: FeedItem
  row: MomentViewRow
}

const FEWEST_AT_ONCE = 20

/**
 * Returns a page of the caller's smart feed. Its order is that of a snapshot; its moments are shown as they are now.
 *
 * @throws DomainError `validation`; `not_found` for an unknown robot or start; `forbidden` for a robot without a right
 */
export async function readSmartFeed(
  { db, clock, addresses }: Pick<Deps, 'db' | 'clock' | 'addresses'>,
  { userId }: Caller,
  query: SmartFeedQuery,
): Promise<SmartFeedPage> {
  const { limit } = query
  const feed: Feed = { userId, filter: readFilter(query), now: clock() }
  const snapshot = await findSnapshot(db, feed, query)
  const shown = await readShown(db, feed, snapshot.items, limit + 1)
  const page = shown.slice(0, limit)
  return {
    data: await Promise.all(
      page.map(async ({ item, row }) => ({
        ...(await toMoment(row, { addresses, now: feed.now })),
        why: item.why,
        similarCount: item.similarCount,
      })),
    ),
    count: page.length,
    limit,
    next: shown[limit]?.item.momentId,
    snapshot: snapshot.id,
  }
}

async function findSnapshot(db: Db, feed: Feed, query: SmartFeedQuery): Promise<Snapshot> {
  if (query.startUUID === undefined) {
    if (query.snapshot !== undefined) throw new DomainError('validation', 'query.snapshot requires query.startUUID')
    return currentSnapshot(db, feed)
  }
  const snapshot = await snapshotFrom(db, feed, { momentId: query.startUUID, snapshotId: query.snapshot })
  if (!snapshot) throw new DomainError('not_found', 'Not Found')
  return snapshot
}

/** Returns the first items that the user may see now, in order. */
async function readShown(db: Db, feed: Feed, items: readonly FeedItem[], most: number): Promise<ShownItem[]> {
  const shown: ShownItem[] = []
  let size = Math.max(most, FEWEST_AT_ONCE)
  for (let start = 0; start < items.length && shown.length < most; ) {
    const some = items.slice(start, start + size)
    const rows = await readRows(db, feed, some)
    for (const item of some) {
      const row = rows.get(item.momentId)
      if (row) shown.push({ item, row })
    }
    start += size
    // Items that are gone often lie together.
    size *= 2
  }
  return shown.slice(0, most)
}

interface PageValues extends FeedValues {
  ids: string[]
}

async function readRows(db: Db, feed: Feed, items: FeedItem[]): Promise<Map<string, MomentViewRow>> {
  const values = { ...feedValues(feed), ids: items.map(({ momentId }) => momentId) }
  const rows = isUnfiltered(feed.filter)
    ? await preparedRows(db, values)
    : (await rowsQuery(feed.filter, values).execute(db)).rows
  return new Map(rows.map((row) => [row.id, row]))
}

const preparedRows = prepareRead<PageValues, MomentViewRow>('moments of a smart feed', (parts) =>
  rowsQuery({ expired: false }, parts),
)

/** Selects those of some moments that the user may see now and has not disliked. */
export function rowsQuery(filter: Filter, parts: Parts<PageValues>): RawBuilder<MomentViewRow> {
  const { views, isShowable } = feedSql(filter, parts)
  return sql<MomentViewRow>`
    with view as materialized (${views})
    select ${momentColumns}
    from moment join view on view.robot_id = moment.robot_id
    left join mark on mark.user_id = ${parts.userId}::uuid and mark.moment_id = moment.id
    where moment.id = any(${parts.ids}::uuid[]) and ${isShowable} and coalesce(mark.feedback, 0) <> -1`
}
