import type { RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { type Expression, sql } from 'kysely'
import type { Db, PostRow } from '../db/schema.ts'
import type { Asking, CopyDeps } from '../membership/confirm.ts'
import { selectVisible } from './find-post.ts'
import { type SeenPost, toPost } from './post-view.ts'
import type { Post } from './shapes.ts'

/** What a person did to a post. */
export interface Flags {
  is_liked: boolean
  is_commented: boolean
  is_reposted: boolean
}

type PostFlags = Flags & { id: string }

/**
 * A page of posts as the caller sees them, with originals and what the caller did to each: a fixed number of queries,
 * whatever the page's size. A repost whose original is deleted is about to go and is left out; one whose original the
 * caller may not see comes without it.
 */
export async function showPosts(
  deps: CopyDeps & { redactedStatuses: RedactedStatuses },
  request: Asking,
  rows: PostRow[],
): Promise<Post[]> {
  if (rows.length === 0) return []
  const { db, redactedStatuses } = deps
  const { caller } = request
  const originals = await findOriginals(db, rows)
  const visible = new Map((await selectVisible(deps, request, [...originals.values()])).map((post) => [post.id, post]))
  const flags = await findFlags(db, caller, [...rows, ...visible.values()])
  const see = (row: PostRow): SeenPost => {
    const original = row.original_post_id === null ? undefined : visible.get(row.original_post_id)
    const known = flags.get(row.id)
    return {
      row,
      isLiked: known?.is_liked ?? false,
      isCommented: known?.is_commented ?? false,
      isReposted: known?.is_reposted ?? false,
      original: original && see(original),
      repostCount: (originals.get(row.original_post_id ?? '') ?? row).repost_count,
    }
  }
  return rows
    .filter(({ original_post_id }) => original_post_id === null || originals.has(original_post_id))
    .map((row) => toPost(see(row), caller, redactedStatuses))
}

async function findOriginals(db: Db, rows: PostRow[]): Promise<Map<string, PostRow>> {
  const ids = [...new Set(rows.map(({ original_post_id }) => original_post_id).filter((id) => id !== null))]
  if (ids.length === 0) return new Map()
  const originals = await db
    .selectFrom('post')
    .selectAll()
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute()
  return new Map(originals.map((post) => [post.id, post]))
}

async function findFlags(db: Db, { userId }: Caller, rows: PostRow[]): Promise<Map<string, PostFlags>> {
  const { rows: flags } = await flagsQuery(
    userId,
    rows.map(({ id, original_post_id }) => ({ id, targetId: original_post_id ?? id })),
  ).execute(db)
  return new Map(flags.map((row) => [row.id, row]))
}

/** What a person did to posts. Reposting a repost means its original, so that is what `targetId` names. */
export function flagsQuery(userId: string, posts: { id: string; targetId: string }[]) {
  return sql<PostFlags>`
    select asked.id, ${flags({ user: sql`${userId}::uuid`, post: sql.ref('asked.id'), target: sql.ref('asked.target_id') })}
    from unnest(${posts.map(({ id }) => id)}::uuid[], ${posts.map(({ targetId }) => targetId)}::uuid[])
      as asked (id, target_id)`
}

/** The columns of `Flags`. Each looks for one row by its key, never for all that a busy person did. */
export function flags({
  user,
  post,
  target,
}: {
  user: Expression<string>
  post: Expression<string>
  target: Expression<string>
}) {
  return sql`
    (select true from post_like where post_id = ${post} and user_id = ${user}) is true as is_liked,
    (
      select true from comment where author_id = ${user} and post_id = ${post} and deleted_at is null limit 1
    ) is true as is_commented,
    (
      select true from post as repost
      where repost.original_post_id = ${target} and repost.author_id = ${user} and repost.deleted_at is null
    ) is true as is_reposted`
}
