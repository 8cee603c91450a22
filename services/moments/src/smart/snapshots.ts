import { Slots } from '@platform/events/waiting.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Db, Tx } from '../db/schema.ts'
import { requireRight, robotRight } from '../timeline/robot-right.ts'
import { readCandidates } from './candidates.ts'
import { type Feed, feedName, feedValues } from './feed.ts'
import { findFreshRow, keptSnapshots, type SnapshotRow } from './fresh-query.ts'
import { readLabels } from './labels.ts'
import { priorsFrom } from './model/priors.ts'
import { rankMoments } from './model/rank.ts'
import type { Why } from './model/types.ts'
import { readPriorCounts } from './prior-counts.ts'

/** An item of a feed. Whether its moment is still shown is found out by the page. */
export interface FeedItem {
  momentId: string
  why: Why
  similarCount: number
}

/** A snapshot, from some item on. */
export interface Snapshot {
  id: string
  items: FeedItem[]
}

const KEPT_OF_FEED = 3
/** The limit for all filters of a user together, because each value of a filter makes a feed of its own. */
const KEPT_OF_USER = 100

/** Builds that go on at once in this process. Each holds a connection while it computes. */
const builds = new Slots(2)

/**
 * Returns the snapshot for the first page of a feed: the newest one, or a new one where that is outdated. However many
 * requests come at once, they get the same one.
 *
 * @throws DomainError as `requireRight` does
 */
export async function currentSnapshot(db: Db, feed: Feed): Promise<Snapshot> {
  return (await findFresh(db, feed)) ?? builds.run(() => db.transaction().execute((trx) => buildUnlessFresh(trx, feed)))
}

/**
 * Returns the snapshot that a moment starts a page of, from that moment on: the newest of the last three that has it.
 *
 * @param snapshotId looks in this one only
 * @throws DomainError as `requireRight` does
 */
export async function snapshotFrom(
  db: Db,
  feed: Feed,
  { momentId, snapshotId = null }: { momentId: string; snapshotId?: string | null | undefined },
): Promise<Snapshot | undefined> {
  const values = feedValues(feed)
  const { rows } = await sql<SnapshotRow>`
    with found as (
      select id, number, moment_ids, reasons, similar_counts, array_position(moment_ids, ${momentId}::uuid) as position
      from (${keptSnapshots(values)} limit ${KEPT_OF_FEED}) as kept
      where ${momentId}::uuid = any(moment_ids) and coalesce(id = ${snapshotId}::uuid, true)
      order by number desc limit 1
    )
    select ${robotRight(feed.filter, values)}, id, moment_ids[position:] as moment_ids, reasons[position:] as reasons,
      similar_counts[position:] as similar_counts
    from (values (1)) as always left join found on true`.execute(db)
  return toSnapshot(rows[0])
}

async function findFresh(db: Db | Tx, feed: Feed): Promise<Snapshot | undefined> {
  return toSnapshot(await findFreshRow(db, feed))
}

function toSnapshot(row: SnapshotRow | undefined): Snapshot | undefined {
  if (!row) throw new Error('A snapshot came without a row.')
  requireRight(row)
  const { id, moment_ids, reasons, similar_counts } = row
  if (id === null || moment_ids === null) return undefined
  const items = moment_ids.map((momentId, n) => ({
    momentId,
    why: reasons?.[n] ?? 'fresh',
    similarCount: similar_counts?.[n] ?? 0,
  }))
  return { id, items }
}

/**
 * Builds a snapshot, unless another request has done so while this one waited for the lock. The transaction locks nothing
 * else while it computes, so only requests for the same feed wait for it.
 */
export async function buildUnlessFresh(trx: Tx, feed: Feed): Promise<Snapshot> {
  const lock = `smart ${feed.userId} ${feedName(feed.filter)}`
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || ${lock}, 0))`.execute(trx)
  return (await findFresh(trx, feed)) ?? (await build(trx, feed))
}

async function build(trx: Tx, feed: Feed): Promise<Snapshot> {
  const { userId, filter, now } = feed
  const { candidates, momentsAt, rights } = await readCandidates(trx, feed)
  const { labels, state } = await readLabels(trx, userId)
  const priors = priorsFrom(await readPriorCounts(trx))
  const items = rankMoments({ candidates, labels, priors, now })
  const id = uuidv7()
  await trx
    .insertInto('smart_snapshot')
    .values({
      id,
      user_id: userId,
      filter: feedName(filter),
      created_at: now,
      moments_at: momentsAt,
      label_state: state,
      rights,
      moment_ids: items.map(({ momentId }) => momentId),
      reasons: items.map(({ why }) => why),
      similar_counts: items.map(({ similarCount }) => similarCount),
    })
    .execute()
  await deleteOld(trx, userId)
  return { id, items }
}

/** Builds of the user's other feeds may delete the same rows: what one of them has locked, it deletes. */
async function deleteOld(trx: Tx, userId: string): Promise<void> {
  await sql`
    with aged as (
      select id, row_number() over (partition by filter order by number desc) as place_in_feed,
        row_number() over (order by number desc) as place
      from smart_snapshot where user_id = ${userId}
    ), old as materialized (
      select id from smart_snapshot
      where id in (select id from aged where place_in_feed > ${KEPT_OF_FEED} or place > ${KEPT_OF_USER})
      for update skip locked
    )
    delete from smart_snapshot where id in (select id from old)`.execute(trx)
}
