import { type Parts, prepare, prepareRead } from '@platform/db/prepared.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { sql } from 'kysely'
import type { Db, GroupRow, PostRow } from '../db/schema.ts'
import type { PartRequest } from '../lists/going-on.ts'
import { groupUnknown, isKnownTo } from '../membership/access.ts'
import { type SeenPost, SHOWN_COLUMNS, type ShownRow } from './post-view.ts'
import { type Flags, flags } from './show-posts.ts'

/** A part of a list, as rows, and how many rows the whole of it has. */
export interface RowPage {
  rows: PostRow[]
  total: number
}

/** Whose feed is read by whom, and which part of it. */
interface FeedRequest {
  userId: string
  groupId: string
  /** How many posts come before the page. */
  skipped: number
  limit: number
  /** Only what comes after a post with this time and id. */
  afterTime: string
  afterId: string
}

/** Later than every post, so that it is one statement with and without a cursor. */
export const FROM_THE_START = { afterTime: 'infinity', afterId: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

/** A page, and what it takes to know whether the caller may see it. */
interface FeedRow {
  group_type: GroupRow['group_type']
  group_deleted_at: Date | null
  is_participant: boolean
  total: number
  posts: (ShownRow & Flags)[]
}

/**
 * A group's published posts, newest first, without what the caller hid, and how many there are.
 *
 * @throws MembershipRefusal `not_found`
 */
export async function readFeed(
  db: Db,
  caller: Caller,
  groupId: string,
  { page, limit, after }: PartRequest,
): Promise<{ posts: SeenPost[]; total: number }> {
  const skipped = page * limit
  const run = skipped > FAR ? runFarFeed : runFeed
  const [feed] = await run(db, {
    userId: caller.userId,
    groupId,
    skipped,
    limit,
    ...(after ? { afterTime: after.createdAt.toISOString(), afterId: after.id } : FROM_THE_START),
  })
  if (!feed || !isKnownTo(toKnownBy(feed))) throw groupUnknown(groupId)
  return { posts: feed.posts.map(toSeenPost), total: Math.max(feed.total, 0) }
}

function toKnownBy({ group_type, group_deleted_at, is_participant }: FeedRow) {
  return { group: { group_type, deleted_at: group_deleted_at }, participant: is_participant ? {} : undefined }
}

function toSeenPost(post: ShownRow & Flags): SeenPost {
  return {
    row: post,
    isLiked: post.is_liked,
    isCommented: post.is_commented,
    isReposted: post.is_reposted,
    repostCount: post.repost_count,
  }
}

const FEED_COLUMNS = sql.join(SHOWN_COLUMNS.map((column) => sql.ref(`post.${column}`)))

/**
 * All that a page shows, in one statement and one row: each way to the server and back counts here, and so does each
 * column of each row, since JSON is read several times as fast.
 *
 * The page is found in the index alone, and only its own posts are read; one beyond the end costs nothing. The total is
 * the kept one, less what the caller hid of it: that is counted, since it is as little as one person can hide. No repost
 * is in a group, so there are no originals.
 */
export function feedQuery({ userId, groupId, skipped, limit, afterTime, afterId }: Parts<FeedRequest>) {
  return sql<FeedRow>`
    select "group".group_type, "group".deleted_at as group_deleted_at,
      participant.user_id is not null as is_participant, feed.total,
      (
        select coalesce(json_agg(shown order by created_at desc, id desc), '[]')
        from (
          select ${FEED_COLUMNS},
            ${flags({ user: sql.ref('asked.user_id'), post: sql.ref('post.id'), target: sql.ref('post.id') })}
          from (
            select id from post
            where post.group_id = asked.group_id and status = 'published' and deleted_at is null
              and not exists (select from post_hide where user_id = asked.user_id and post_id = post.id)
              and asked.skipped < feed.total and (created_at, id) < (${afterTime}::timestamptz, ${afterId}::uuid)
            order by created_at desc, id desc
            offset ${skipped}::bigint limit ${limit}
          ) as listed
          join post using (id)
        ) as shown
      ) as posts
    from (select ${groupId}::uuid as group_id, ${userId}::uuid as user_id, ${skipped}::bigint as skipped) as asked
    join "group" on "group".id = asked.group_id
    left join participant on participant.group_id = asked.group_id and participant.user_id = asked.user_id
      and participant.deleted_at is null
    cross join lateral (
      select coalesce((select published_count from group_total where group_id = asked.group_id), 0) - (
        select count(*) from post_hide join post on post.id = post_hide.post_id
        where post_hide.user_id = asked.user_id and post.group_id = asked.group_id
          and post.status = 'published' and post.deleted_at is null
      ) as total
    ) as feed`
}

const runFeed = prepareRead('feed', feedQuery)

/** The server walks over each post that is skipped: a hundred thousand of them take it 0.1 s. */
const FAR = 1_000
/** Nobody else's page waits for one that is far down: see `prepareRead`. */
const runFarFeed = prepare('far feed', feedQuery)

/** What a profile shows: posts, reposts, or both. */
export type ProfileType = 'created' | 'reposted' | 'all'

/** A person's profile posts and reposts, newest first. */
export async function listProfile(db: Db, userId: string, type: ProfileType, part: PartRequest): Promise<RowPage> {
  const counted = await db
    .selectFrom('user_total')
    .select(['created_count', 'reposted_count'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
  const { created_count: created = 0, reposted_count: reposted = 0 } = counted ?? {}
  const total = { created, reposted, all: created + reposted }[type]
  if (part.page * part.limit >= total) return { rows: [], total }
  return { rows: await profileQuery(db, userId, type, part).execute(), total }
}

export function profileQuery(db: Db, userId: string, type: ProfileType, { page, limit, after }: PartRequest) {
  return db
    .selectFrom('post')
    .selectAll()
    .where('author_id', '=', userId)
    .where('group_id', 'is', null)
    .where('deleted_at', 'is', null)
    .$if(type === 'created', (query) => query.where('original_post_id', 'is', null))
    .$if(type === 'reposted', (query) => query.where('original_post_id', 'is not', null))
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(created_at, id) < (${after?.createdAt}, ${after?.id})`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page * limit)
    .limit(limit)
}
