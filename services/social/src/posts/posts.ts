import { isDeepStrictEqual } from 'node:util'
import { isModerator } from '@platform/contracts/redaction.ts'
import { type Mention, postCreated, postDeleted, postEdited } from '@platform/contracts/social.ts'
import type { Cause } from '@platform/events/outbox.ts'
import type { PostLocation } from '@platform/geo/schemas.ts'
import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Db, PostRow, Tx } from '../db/schema.ts'
import { enqueueDeletion } from '../deletions/queue.ts'
import {
  type Access,
  type Confirmed,
  forbidden,
  getAccess,
  isAdmin,
  isCertainlyNoAdmin,
  requireUnmuted,
  requireWriter,
} from '../membership/access.ts'
import { moveTotals } from '../totals/totals.ts'
import { type FoundPost, findPost, getPost, lockOriginal, type Place, postNotFound } from './find-post.ts'
import { readMentions } from './mentions.ts'
import { publishPosts } from './post-events.ts'
import { contentOf } from './post-view.ts'
import { MAX_PICTURES, type NewPost, type PostInput } from './shapes.ts'

/**
 * Writes a post on the caller's profile, or in a group, where it may have to wait for an admin.
 *
 * @param location already resolved
 * @returns the new post's id
 */
export async function createPost(
  trx: Tx,
  caller: Caller,
  groupId: string | undefined,
  input: NewPost,
  location: PostLocation | undefined,
  cause: Cause,
  confirmed: Confirmed,
): Promise<string> {
  const access = groupId === undefined ? undefined : await getAccess(trx, groupId, caller, { lock: 'share' })
  if (access) requirePoster(access)
  const post = await trx
    .insertInto('post')
    .values({
      id: uuidv7(),
      author_id: caller.userId,
      group_id: access?.group.id ?? null,
      original_post_id: null,
      status: access && !postsAtOnce(access, confirmed) ? 'suggested' : 'published',
      ...columnsOf(input),
      location: location ? JSON.stringify(location) : null,
      created_at: cause.at,
      updated_at: cause.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishPosts(trx, postCreated, [post], cause)
  await moveTotals(trx, [{ to: post }])
  return post.id
}

/**
 * Posting takes a participant who is not muted, and an admin where only they post.
 *
 * @throws MembershipRefusal `forbidden`
 */
export function requirePoster(access: Access): void {
  requireWriter(access)
  if (access.group.post_rules === 'OnlyAdmin' && !isAdmin(access)) {
    throw forbidden(access, 'Only admins of the group may post in it.')
  }
}

/**
 * Whether the group publishes what the caller writes without an admin's approval.
 *
 * @throws MembershipRefusal where our copy says no and is not confirmed yet
 */
export function postsAtOnce(access: Access, confirmed: Confirmed): boolean {
  return access.group.post_rules === 'Everyone' || !isCertainlyNoAdmin(access, confirmed)
}

/** What a post's author says about its location: another one, none, or nothing, so that it stays. */
export type LocationChange = PostLocation | 'remove' | undefined

/** Replaces a post's text, pictures and mentions. Nothing happens when it says the same. The author. */
export async function editPost(
  trx: Tx,
  caller: Caller,
  place: Place,
  postId: string,
  input: PostInput,
  location: LocationChange,
  cause: Cause,
): Promise<void> {
  const { post } = await getOwnPost(trx, caller, place, postId, { lock: 'update' })
  const { text, mediaIds, mentions } = normalised(input)
  const moved = location === 'remove' ? null : (location ?? post.location)
  await changeContent(trx, post, { text, media_ids: mediaIds, mentions, location: moved }, cause)
}

/** Adds a picture; nothing happens when it is there. The author. @throws DomainError `conflict` when there are six */
export async function addPicture(
  trx: Tx,
  caller: Caller,
  place: Place,
  postId: string,
  pictureId: string,
  cause: Cause,
): Promise<void> {
  const { post } = await getOwnPost(trx, caller, place, postId, { lock: 'update' })
  if (post.media_ids.includes(pictureId)) return
  if (post.media_ids.length >= MAX_PICTURES) {
    throw new DomainError('conflict', `A post has at most ${MAX_PICTURES} pictures.`)
  }
  await changeContent(trx, post, { ...post, media_ids: [...post.media_ids, pictureId] }, cause)
}

/** Takes a picture away; nothing happens when it is not there. The author. */
export async function removePicture(
  trx: Tx,
  caller: Caller,
  place: Place,
  postId: string,
  pictureId: string,
  cause: Cause,
): Promise<void> {
  const { post } = await getOwnPost(trx, caller, place, postId, { lock: 'update' })
  const left = post.media_ids.filter((id) => id !== pictureId)
  await changeContent(trx, post, { ...post, media_ids: left }, cause)
}

/**
 * The post, for its author to change. It takes no participation, but somebody muted changes nothing in the group.
 *
 * @throws DomainError `not_found`; `forbidden` to others; `conflict` for a repost, which has nothing of its own
 */
export async function getOwnPost(
  db: Db,
  caller: Caller,
  place: Place,
  postId: string,
  options: { lock?: 'update' } = {},
): Promise<FoundPost> {
  const found = await getPost(db, caller, postId, place, options)
  if (found.post.author_id !== caller.userId) {
    throw new DomainError('forbidden', 'Only the author of the post may do this.')
  }
  if (found.post.original_post_id !== null) {
    throw new DomainError('conflict', 'A repost has no content of its own.')
  }
  if (found.access) requireUnmuted(found.access)
  return found
}

/**
 * Deletes a post: its author, an admin of its group, or a moderator. The author and moderators need not see the group.
 * A repost that is deleted is taken back.
 */
export async function deletePost(trx: Tx, caller: Caller, place: Place, postId: string, cause: Cause): Promise<void> {
  const seen = await findPost(trx, postId, place)
  if (seen) await lockOriginal(trx, seen)
  const post = seen && (await findPost(trx, postId, place, { lock: 'update' }))
  if (post?.author_id !== caller.userId && !(post && isModerator(caller))) {
    const found = await getPost(trx, caller, postId, place)
    const refusal = 'Only the author, an admin of the group or a moderator may delete the post.'
    if (!found.access) throw new DomainError('forbidden', refusal)
    if (!isAdmin(found.access)) throw forbidden(found.access, refusal)
  }
  if (!post) throw postNotFound()
  await removePost(trx, post, cause)
}

/** Deletes a post, locked by the caller, and the original of a repost with it. What hangs on it goes afterwards. */
export async function removePost(trx: Tx, post: PostRow, cause: Cause): Promise<void> {
  const deleted = await trx
    .updateTable('post')
    .set({ deleted_at: cause.at, updated_at: cause.at, version: post.version + 1 })
    .where('id', '=', post.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (post.original_post_id !== null) {
    await trx
      .updateTable('post')
      .set({ repost_count: sql`repost_count - 1` })
      .where('id', '=', post.original_post_id)
      .execute()
  }
  await publishPosts(trx, postDeleted, [deleted], cause)
  await enqueueDeletion(trx, 'post', post.id, cause)
  await moveTotals(trx, [{ from: post, to: deleted }])
}

interface Content {
  text: string
  media_ids: string[]
  mentions: Mention[]
  location: PostLocation | null
}

async function changeContent(trx: Tx, post: PostRow, content: Content, cause: Cause): Promise<void> {
  if (isDeepStrictEqual(contentOf(post), contentOf({ ...post, ...content }))) return
  const changed = await trx
    .updateTable('post')
    .set({
      text: content.text,
      media_ids: content.media_ids,
      mentions: JSON.stringify(content.mentions),
      location: content.location && JSON.stringify(content.location),
      version: post.version + 1,
      content_revision: post.content_revision + 1,
      updated_at: cause.at,
    })
    .where('id', '=', post.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await publishPosts(trx, postEdited, [changed], cause)
}

function columnsOf(input: NewPost) {
  const { text, mediaIds, mentions } = normalised(input)
  return { text, media_ids: mediaIds, mentions: JSON.stringify(mentions) }
}

/** Field by field, with ids as the database writes them. */
function normalised({ text, mediaIds = [], mentions = [] }: NewPost) {
  return { text, mediaIds: mediaIds.map((id) => id.toLowerCase()), mentions: readMentions(text, mentions) }
}
