import { type Parts, prepareRead } from '@platform/db/prepared.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import type { Db, GroupRow, PostRow, Tx } from '../db/schema.ts'
import {
  type Access,
  findAccess,
  findAccesses,
  getAccess,
  isAdmin,
  isKnownTo,
  MembershipRefusal,
} from '../membership/access.ts'
import { type Asking, type CopyDeps, refreshCopies } from '../membership/confirm.ts'

/** Where a path looks for a post: in one group, among those without a group, or wherever it is. */
export type Place = { groupId: string } | 'profile' | 'anywhere'

/** A post that the caller may see, and for a group's post the caller's place in that group. */
export interface FoundPost {
  post: PostRow
  access: Access | undefined
}

export const postNotFound = () => new DomainError('not_found', 'The post does not exist.')

/** What of a post tells whether somebody may see it. */
type JudgedPost = Pick<PostRow, 'author_id' | 'group_id' | 'status' | 'deleted_at'>
/** What of their place in its group does. */
type Placed = Parameters<typeof isAdmin>[0]

/**
 * Who may see a post, once for all of the service: everybody a profile post; whoever may know the group a published
 * one; its author and the group's admins one that waits or was declined.
 */
export function isVisible(post: JudgedPost, access: Placed | undefined, { userId }: Caller): boolean {
  if (post.deleted_at) return false
  if (post.group_id === null) return true
  if (!access) return false
  return post.status === 'published' || post.author_id === userId || isAdmin(access)
}

/**
 * Reads a post as the caller may know it.
 *
 * @param lock `update` in a command: the row stays locked until the transaction ends
 * @throws DomainError `not_found`
 */
export async function getPost(
  db: Db,
  caller: Caller,
  postId: string,
  place: Place,
  { lock }: { lock?: 'update' } = {},
): Promise<FoundPost> {
  const inPath = typeof place === 'object' ? await getAccess(db, place.groupId, caller) : undefined
  const post = await findPost(db, postId, place, { lock })
  if (!post) throw postNotFound()
  const access = inPath ?? (post.group_id === null ? undefined : await findAccess(db, post.group_id, caller))
  if (isVisible(post, access, caller)) return { post, access }
  if (post.group_id === null) throw postNotFound()
  // An admin of a moment ago may see it. Others hear the same as of a post that does not exist.
  throw new MembershipRefusal('not_found', post.group_id, postNotFound().message)
}

/** A post that is there, with its group and the caller's place in it. */
interface Judged extends JudgedPost {
  id: string
  group_type: GroupRow['group_type'] | null
  group_deleted_at: Date | null
  is_admin: boolean | null
}

/**
 * Makes sure that the caller may see a post, in one prepared statement: `getPost` for what is asked often.
 *
 * @returns the post's id, as the database writes it
 * @throws DomainError `not_found`
 */
export async function requireVisible(db: Db, caller: Caller, postId: string, place: Place): Promise<string> {
  const [post] = await runJudged(db, { postId, userId: caller.userId })
  if (post && isIn(place, post) && isVisible(post, toPlaced(post), caller)) return post.id
  // Why not is told by what reads more.
  return (await getPost(db, caller, postId, place)).post.id
}

export function judgedQuery({ postId, userId }: Parts<{ postId: string; userId: string }>) {
  return sql<Judged>`
    select post.id, author_id, post.group_id, status, post.deleted_at,
      group_type, "group".deleted_at as group_deleted_at, participant.is_admin
    from post
    left join "group" on "group".id = post.group_id
    left join participant on participant.group_id = post.group_id and participant.user_id = ${userId}::uuid
      and participant.deleted_at is null
    where post.id = ${postId}::uuid and post.deleted_at is null`
}

const runJudged = prepareRead('judged post', judgedQuery)

function isIn(place: Place, { group_id }: JudgedPost): boolean {
  if (place === 'anywhere') return true
  return place === 'profile' ? group_id === null : group_id === place.groupId.toLowerCase()
}

function toPlaced({ group_type, group_deleted_at, is_admin }: Judged): Placed | undefined {
  const participant = is_admin === null ? undefined : { is_admin }
  const isKnown = group_type && isKnownTo({ group: { group_type, deleted_at: group_deleted_at }, participant })
  return isKnown ? { participant } : undefined
}

/** The post, whoever may see it; deleted ones don't count. */
export async function findPost(
  db: Db,
  postId: string,
  place: Place,
  { lock }: { lock?: 'update' } = {},
): Promise<PostRow | undefined> {
  let read = db.selectFrom('post').selectAll().where('id', '=', postId).where('deleted_at', 'is', null)
  if (place === 'profile') read = read.where('group_id', 'is', null)
  else if (place !== 'anywhere') read = read.where('group_id', '=', place.groupId)
  if (lock) read = read.forNoKeyUpdate()
  return read.executeTakeFirst()
}

/**
 * Those of the posts that the caller may see. What our copy would leave out is confirmed first, for all groups in one
 * question.
 *
 * @throws DomainError `unavailable` when the groups service does not answer
 */
export async function selectVisible(deps: CopyDeps, request: Asking, posts: PostRow[]): Promise<PostRow[]> {
  const there = posts.filter(({ deleted_at }) => deleted_at === null)
  const visible = await onlyVisible(deps.db, request.caller, there)
  const left = there.filter((post) => !visible.includes(post))
  const groupIds = new Set(left.map(({ group_id }) => group_id).filter((id) => id !== null))
  if (groupIds.size === 0 || (await refreshCopies(deps, [...groupIds], request)) === 0) return visible
  return onlyVisible(deps.db, request.caller, there)
}

/** By our copy, in two queries at most. */
async function onlyVisible(db: Db, caller: Caller, posts: PostRow[]): Promise<PostRow[]> {
  const groupIds = new Set(posts.map(({ group_id }) => group_id).filter((id) => id !== null))
  const accesses = await findAccesses(db, [...groupIds], caller)
  return posts.filter((post) => isVisible(post, accesses.get(post.group_id ?? ''), caller))
}

/** Locks the original of a post that may be a repost, before the repost itself: in that order by everybody. */
export async function lockOriginal(trx: Tx, post: PostRow): Promise<PostRow | undefined> {
  return post.original_post_id === null
    ? undefined
    : trx.selectFrom('post').selectAll().where('id', '=', post.original_post_id).forNoKeyUpdate().executeTakeFirst()
}
