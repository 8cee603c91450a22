import { sql } from 'kysely'
import type { Db, Tx } from '../db/schema.ts'
import { type Feed, feedSql, feedValues, rightsDigest } from './feed.ts'
import { isLabel } from './labels.ts'
import type { CandidateMoment } from './model/types.ts'
import { type TraitsJson, toTraits, traitColumns } from './traits.ts'

const MOST_OF_ROBOT = 500
/** Bounds the work for a user with many robots. */
const MOST_RECENT = 5_000
const MOST_OLDER_LIKED = 100
/** Older liked moments are looked for among so many newest labels. */
const MOST_LOOKED_AT = 1_000

interface CandidateJson extends TraitsJson {
  id: string
  feedback: 1 | 0 | -1
  is_seen: boolean
  is_shared: boolean
}

/** Candidates, and what tells later whether there are others. */
export interface Candidates {
  candidates: CandidateMoment[]
  /** A `pg_snapshot`: the candidates are those of the transactions that it shows. */
  momentsAt: string
  rights: string
}

/** Returns the moments that a feed may show: the newest of each robot within 30 days, and older ones that the user liked. */
export async function readCandidates(db: Db | Tx, feed: Feed): Promise<Candidates> {
  const { userId, filter } = feed
  const { views, isShowable, isRecent } = feedSql(filter, feedValues(feed))
  const { rows } = await sql<{ moments_at: string; rights: string; candidates: CandidateJson[] }>`
    with view as materialized (${views}),
    recent as materialized (
      select newest.id from view cross join lateral (
        select id, captured_at from moment
        where ${isShowable} and ${isRecent}
        order by captured_at desc, id desc limit ${MOST_OF_ROBOT}
      ) as newest
      order by newest.captured_at desc, newest.id desc limit ${MOST_RECENT}
    ),
    liked as materialized (
      select moment.id
      from (
        select moment_id, feedback, updated_at from mark where user_id = ${userId} and ${isLabel}
        order by updated_at desc, moment_id desc limit ${MOST_LOOKED_AT}
      ) as own
      -- Apart, so that each is found by its id: the planner would rather read all moments of the robots.
      cross join lateral (select moment.* from moment where moment.id = own.moment_id offset 0) as moment
      join view on view.robot_id = moment.robot_id
      where own.feedback = 1 and ${isShowable} and moment.id not in (select id from recent)
      order by own.updated_at desc limit ${MOST_OLDER_LIKED}
    )
    select pg_current_snapshot()::text as moments_at, ${rightsDigest} as rights, coalesce((
      select json_agg(candidate) from (
        select moment.id, ${traitColumns(userId)}, coalesce(mark.feedback, 0) as feedback,
          mark.seen_at is not null as is_seen, mark.shared_at is not null as is_shared
        from (select id from recent union all select id from liked) as chosen
        join moment on moment.id = chosen.id
        left join mark on mark.user_id = ${userId} and mark.moment_id = moment.id
      ) as candidate), '[]') as candidates`.execute(db)
  const [row] = rows
  if (!row) throw new Error('Candidates came without a row.')
  return { candidates: row.candidates.map(toCandidate), momentsAt: row.moments_at, rights: row.rights }
}

function toCandidate(json: CandidateJson): CandidateMoment {
  const { id, feedback, is_seen, is_shared } = json
  return { ...toTraits(json), id, feedback, isSeen: is_seen, isShared: is_shared }
}
