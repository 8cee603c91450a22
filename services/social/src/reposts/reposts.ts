import { postReposted } from '@platform/contracts/social.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Db, PostRow, Tx } from '../db/schema.ts'
import { forbidden } from '../membership/access.ts'
import { findPost, getPost, lockOriginal } from '../posts/find-post.ts'
import { publishPosts } from '../posts/post-events.ts'
import { removePost } from '../posts/posts.ts'
import { moveTotals } from '../totals/totals.ts'

/** Whether the caller has the post on their profile, after a command. */
export interface Reposted {
  repostId?: string
  originalPostId: string
  isReposted: boolean
}

/**
 * Puts a post on the caller's profile; nothing happens when it is there. A repost of a repost means the original.
 *
 * @throws DomainError `not_found`; `forbidden` for a post of a Private group, or one that is not published
 */
export async function repost(trx: Tx, caller: Caller, postId: string, cause: Cause): Promise<Reposted> {
  const original = await lockTarget(trx, caller, postId)
  const standing = await findRepost(trx, original.id, caller.userId)
  return standing ? toReposted(original, standing) : addRepost(trx, caller, original, cause)
}

/** Takes the caller's repost back; nothing happens when there is none. */
export async function removeRepost(trx: Tx, caller: Caller, postId: string, cause: Cause): Promise<Reposted> {
  const target = await lockWhatIsMeant(trx, postId)
  const standing = target && (await findRepost(trx, target.id, caller.userId))
  // A post that its reposter may not see any more can still be taken back by them.
  if (!target || !standing) return toReposted(await lockTarget(trx, caller, postId))
  await removePost(trx, standing, cause)
  return toReposted(target)
}

/** Does the one or the other. */
export async function toggleRepost(trx: Tx, caller: Caller, postId: string, cause: Cause): Promise<Reposted> {
  const target = await lockWhatIsMeant(trx, postId)
  const standing = target && (await findRepost(trx, target.id, caller.userId))
  return standing ? removeRepost(trx, caller, postId, cause) : repost(trx, caller, postId, cause)
}

/** The original, locked: everybody who reposts or takes back goes through its row. */
async function lockTarget(trx: Tx, caller: Caller, postId: string): Promise<PostRow> {
  const { post } = await getPost(trx, caller, postId, 'anywhere')
  const { post: original } = await getPost(trx, caller, post.original_post_id ?? post.id, 'anywhere', {
    lock: 'update',
  })
  return original
}

async function lockWhatIsMeant(trx: Tx, postId: string): Promise<PostRow | undefined> {
  const post = await findPost(trx, postId, 'anywhere')
  if (!post) return undefined
  return post.original_post_id === null
    ? findPost(trx, postId, 'anywhere', { lock: 'update' })
    : lockOriginal(trx, post)
}

/** Locked, or undefined. */
function findRepost(trx: Tx, originalId: string, userId: string): Promise<PostRow | undefined> {
  return trx
    .selectFrom('post')
    .selectAll()
    .where('original_post_id', '=', originalId)
    .where('author_id', '=', userId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

async function addRepost(trx: Tx, caller: Caller, original: PostRow, cause: Cause): Promise<Reposted> {
  const { access } = await getPost(trx, caller, original.id, 'anywhere')
  if (access?.group.group_type === 'Private') {
    throw forbidden(access, 'A post of a Private group cannot be reposted.')
  }
  if (original.status !== 'published') throw new DomainError('forbidden', 'The post is not published.')
  const added = await trx
    .insertInto('post')
    .values({
      id: uuidv7(),
      author_id: caller.userId,
      group_id: null,
      original_post_id: original.id,
      status: 'published',
      text: '',
      mentions: '[]',
      created_at: cause.at,
      updated_at: cause.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await trx.updateTable('post').set({ repost_count: sql`repost_count + 1` }).where('id', '=', original.id).execute()
  await publishPosts(trx, postReposted, [added], cause)
  await moveTotals(trx, [{ to: added }])
  return toReposted(original, added)
}

function toReposted(original: PostRow, standing?: PostRow): Reposted {
  return { repostId: standing?.id, originalPostId: original.id, isReposted: standing !== undefined }
}

/** Who reposted a post, newest first, and how many did. */
export async function listReposters(
  db: Db,
  caller: Caller,
  postId: string,
  limit: number,
): Promise<{ rows: PostRow[]; total: number }> {
  const { post } = await getPost(db, caller, postId, 'anywhere')
  const { post: original } =
    post.original_post_id === null ? { post } : await getPost(db, caller, post.original_post_id, 'anywhere')
  return { rows: await repostersQuery(db, original.id, limit).execute(), total: original.repost_count }
}

export function repostersQuery(db: Db, originalId: string, limit: number) {
  return db
    .selectFrom('post')
    .selectAll()
    .where('original_post_id', '=', originalId)
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
}
