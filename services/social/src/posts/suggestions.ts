import { postApproved, postDeclined, postSuggested } from '@platform/contracts/social.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { PageRequest } from '@platform/http/paging.ts'
import { sql } from 'kysely'
import type { Db, PostRow, Tx } from '../db/schema.ts'
import {
  type Confirmed,
  forbidden,
  getAccess,
  isAdmin,
  isCertainlyNoAdmin,
  requireAdmin,
  requireWriter,
} from '../membership/access.ts'
import { moveTotals } from '../totals/totals.ts'
import { findPost, getPost, isVisible, postNotFound } from './find-post.ts'
import { publishPosts } from './post-events.ts'
import { postsAtOnce } from './posts.ts'

/**
 * The author offers a post of theirs to the group: one of their profile, which moves into the group, or one that was
 * declined. It waits, or is published where the rules let the author post. A group admin publishes a waiting post with
 * it. Nothing happens when it is published there.
 *
 * @throws DomainError `forbidden` to others, to somebody muted, and for a repost
 */
export async function suggestPost(
  trx: Tx,
  caller: Caller,
  groupId: string,
  postId: string,
  cause: Cause,
  confirmed: Confirmed,
): Promise<void> {
  const access = await getAccess(trx, groupId, caller, { lock: 'share' })
  const post = await findPost(trx, postId, 'anywhere', { lock: 'update' })
  if (!post) throw postNotFound()
  const isHere = post.group_id === access.group.id
  const isOwn = post.author_id === caller.userId
  if (isHere && !isVisible(post, access, caller)) await getPost(trx, caller, postId, { groupId })
  if (!isHere && !isOfferable(post, isOwn)) throw postNotFound()
  if (!isOwn && !isAdmin(access)) throw forbidden(access, 'Only its author may offer a post to the group.')
  if (isHere && post.status === 'published') return
  if (isHere && post.status === 'suggested' && isAdmin(access)) return settle(trx, post, 'published', cause)
  if (!isOwn || post.original_post_id !== null) {
    throw new DomainError('forbidden', 'Only a post of your own can be offered to the group.')
  }
  requireWriter(access)
  // Where only admins post, others may still suggest.
  if (postsAtOnce(access, confirmed)) return settle(trx, post, 'published', cause, access.group.id)
  if (isHere && post.status === 'suggested') return
  await settle(trx, post, 'suggested', cause, access.group.id)
}

/** A profile post, which everybody can see, or the author's own that another group declined. */
function isOfferable(post: PostRow, isOwn: boolean): boolean {
  return post.group_id === null || (isOwn && post.status === 'declined')
}

/** Publishes a post that waits. Admins. @throws DomainError `conflict` when it does not wait */
export async function approvePost(
  trx: Tx,
  caller: Caller,
  groupId: string,
  postId: string,
  cause: Cause,
): Promise<void> {
  await settle(trx, await lockWaiting(trx, caller, groupId, postId), 'published', cause)
}

/** Declines a post that waits. Admins. @throws DomainError `conflict` when it does not wait */
export async function declinePost(
  trx: Tx,
  caller: Caller,
  groupId: string,
  postId: string,
  cause: Cause,
): Promise<void> {
  await settle(trx, await lockWaiting(trx, caller, groupId, postId), 'declined', cause)
}

async function lockWaiting(trx: Tx, caller: Caller, groupId: string, postId: string): Promise<PostRow> {
  const { post, access } = await getPost(trx, caller, postId, { groupId }, { lock: 'update' })
  if (access) requireAdmin(access)
  if (post.status !== 'suggested') throw new DomainError('conflict', 'The post does not wait for approval.')
  return post
}

const EVENTS = { published: postApproved, suggested: postSuggested, declined: postDeclined }

async function settle(
  trx: Tx,
  post: PostRow,
  status: PostRow['status'],
  cause: Cause,
  groupId = post.group_id,
): Promise<void> {
  const settled = await trx
    .updateTable('post')
    .set({ status, group_id: groupId, version: post.version + 1, updated_at: cause.at })
    .where('id', '=', post.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishPosts(trx, EVENTS[status], [settled], cause)
  await moveTotals(trx, [{ from: post, to: settled }])
}

/** What waits in a group, newest first: all of it for its admins, their own for others. */
export async function listSuggested(
  db: Db,
  caller: Caller,
  groupId: string,
  { page, limit }: PageRequest,
  confirmed: Confirmed,
): Promise<PostRow[]> {
  const access = await getAccess(db, groupId, caller)
  const isOwnOnly = isCertainlyNoAdmin(access, confirmed)
  return db
    .selectFrom('post')
    .selectAll()
    .where('group_id', '=', groupId)
    .where('status', '=', 'suggested')
    .where('deleted_at', 'is', null)
    .$if(isOwnOnly, (query) => query.where('author_id', '=', caller.userId))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .offset(page * limit)
    .limit(limit)
    .execute()
}

/** What waits in all groups that the caller administers, newest first. */
export async function listToApprove(
  db: Db,
  { userId }: Caller,
  { page, limit }: PageRequest,
): Promise<{ rows: PostRow[]; total: number }> {
  const { rows: counted } = await sql<{ total: number }>`
    select coalesce(sum(suggested_count), 0)::bigint as total
    from participant
    join "group" on "group".id = participant.group_id and "group".deleted_at is null
    join group_total on group_total.group_id = participant.group_id
    where user_id = ${userId} and is_admin and participant.deleted_at is null`.execute(db)
  const total = counted[0]?.total ?? 0
  if (page * limit >= total) return { rows: [], total }
  const { rows } = await toApproveQuery(userId, { page, limit }).execute(db)
  return { rows, total }
}

/** Each group gives what could be on the page at most, by its index; the page is cut out of that. */
export function toApproveQuery(userId: string, { page, limit }: PageRequest) {
  return sql<PostRow>`
    select waiting.*
    from participant
    join "group" on "group".id = participant.group_id and "group".deleted_at is null
    cross join lateral (
      select * from post
      where post.group_id = participant.group_id and status = 'suggested' and post.deleted_at is null
      order by created_at desc, id desc
      limit ${(page + 1) * limit}
    ) as waiting
    where participant.user_id = ${userId} and participant.is_admin and participant.deleted_at is null
    order by waiting.created_at desc, waiting.id desc
    offset ${page * limit} limit ${limit}`
}
