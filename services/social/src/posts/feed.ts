import type { Caller } from '@platform/http/assertion.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { sql } from 'kysely'
import type { Db, PostRow } from '../db/schema.ts'
import { getAccess } from '../membership/access.ts'

/** A part of a list, as rows, and how many rows the whole of it has. */
export interface RowPage {
  rows: PostRow[]
  total: number
}

/** A group's published posts, newest first, without what the caller hid. */
export async function listFeed(db: Db, caller: Caller, groupId: string, page: PageRequest): Promise<RowPage> {
  await getAccess(db, groupId, caller)
  const { rows: counted } = await feedTotalQuery(caller.userId, groupId).execute(db)
  const total = Math.max(counted[0]?.total ?? 0, 0)
  // A page beyond the end costs nothing.
  if (page.page * page.limit >= total) return { rows: [], total }
  const { rows } = await feedQuery(caller.userId, groupId, page).execute(db)
  return { rows, total }
}

/** The kept total, less what the caller hid of it: that is counted, since it is as little as one person can hide. */
export function feedTotalQuery(userId: string, groupId: string) {
  return sql<{ total: number }>`
    select coalesce((select published_count from group_total where group_id = ${groupId}), 0) - (
      select count(*) from post_hide join post on post.id = post_hide.post_id
      where post_hide.user_id = ${userId} and post.group_id = ${groupId}
        and post.status = 'published' and post.deleted_at is null
    ) as total`
}

/** The page is found in the index alone; only its own rows are read. */
export function feedQuery(userId: string, groupId: string, { page, limit }: PageRequest) {
  return sql<PostRow>`
    select post.*
    from (
      select id, created_at from post
      where group_id = ${groupId} and status = 'published' and deleted_at is null
        and not exists (select from post_hide where user_id = ${userId} and post_id = post.id)
      order by created_at desc, id desc
      offset ${page * limit} limit ${limit}
    ) as page
    join post using (id)
    order by page.created_at desc, page.id desc`
}

/** What a profile shows: posts, reposts, or both. */
export type ProfileType = 'created' | 'reposted' | 'all'

/** A person's profile posts and reposts, newest first. */
export async function listProfile(db: Db, userId: string, type: ProfileType, page: PageRequest): Promise<RowPage> {
  const counted = await db
    .selectFrom('user_total')
    .select(['created_count', 'reposted_count'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
  const { created_count: created = 0, reposted_count: reposted = 0 } = counted ?? {}
  const total = { created, reposted, all: created + reposted }[type]
  if (page.page * page.limit >= total) return { rows: [], total }
  return { rows: await profileQuery(db, userId, type, page).execute(), total }
}

export function profileQuery(db: Db, userId: string, type: ProfileType, { page, limit }: PageRequest) {
  return db
    .selectFrom('post')
    .selectAll()
    .where('author_id', '=', userId)
    .where('group_id', 'is', null)
    .where('deleted_at', 'is', null)
    .$if(type === 'created', (query) => query.where('original_post_id', 'is', null))
    .$if(type === 'reposted', (query) => query.where('original_post_id', 'is not', null))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page * limit)
    .limit(limit)
}
