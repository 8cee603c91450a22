import type { Caller } from '@platform/http/assertion.ts'
import { DomainError } from '@platform/http/errors.ts'
import type { CommentRow, Db } from '../db/schema.ts'
import { MembershipRefusal } from '../membership/access.ts'
import { type FoundPost, getPost } from '../posts/find-post.ts'

/** A comment that the caller may see, with its post. */
export interface FoundComment extends FoundPost {
  comment: CommentRow
}

export const commentNotFound = () => new DomainError('not_found', 'The comment does not exist.')

/**
 * Reads a comment as the caller may know it: whoever may see a post may see its comments.
 *
 * @param postId of the path, where there is one
 * @param lock `update` in a command: the post's row and then the comment's stay locked until the transaction ends
 * @throws DomainError `not_found`
 */
export async function getComment(
  db: Db,
  caller: Caller,
  commentId: string,
  { postId, lock }: { postId?: string; lock?: 'update' } = {},
): Promise<FoundComment> {
  let read = db.selectFrom('comment').selectAll().where('id', '=', commentId).where('deleted_at', 'is', null)
  if (postId !== undefined) read = read.where('post_id', '=', postId)
  const seen = await read.executeTakeFirst()
  const pathOrOwn = postId ?? seen?.post_id
  if (pathOrOwn === undefined) throw commentNotFound()
  // A post that the caller may not see keeps to itself which comments it has.
  const found = await getPost(db, caller, pathOrOwn, 'anywhere', { lock }).catch((error: unknown) => {
    throw postId === undefined ? asOfComment(error) : error
  })
  const comment = seen && lock ? await read.forNoKeyUpdate().executeTakeFirst() : seen
  if (!comment) throw commentNotFound()
  return { ...found, comment }
}

/** Who did not name the post does not learn of it. */
function asOfComment(error: unknown): unknown {
  const refusal = commentNotFound()
  if (error instanceof MembershipRefusal) return new MembershipRefusal('not_found', error.groupId, refusal.message)
  return error instanceof DomainError && error.code === refusal.code ? refusal : error
}
