import type { Caller } from '@platform/http/assertion.ts'
import { sql } from 'kysely'
import type { CommentRow, Db } from '../db/schema.ts'
import type { Cursors, Position } from '../lists/cursor.ts'
import type { PartRequest } from '../lists/going-on.ts'
import { getPost } from '../posts/find-post.ts'
import { getComment } from './find-comment.ts'

/** A post's comments, replies among them, oldest first. */
export async function listComments(
  db: Db,
  caller: Caller,
  postId: string,
  part: PartRequest,
): Promise<{ rows: CommentRow[]; total: number }> {
  const { post } = await getPost(db, caller, postId, 'anywhere')
  const total = post.comment_count
  if (part.page * part.limit >= total) return { rows: [], total }
  const { rows } = await commentsQuery(post.id, part).execute(db)
  return { rows, total }
}

/** The page is found in the index alone; only its own rows are read. */
export function commentsQuery(postId: string, { page, limit, after }: PartRequest) {
  return sql<CommentRow>`
    select comment.*
    from (
      select id, created_at from comment
      where post_id = ${postId} and deleted_at is null ${after ? sql`and ${isAfter(after)}` : sql``}
      order by created_at, id
      offset ${page * limit} limit ${limit}
    ) as page
    join comment using (id)
    order by page.created_at, page.id`
}

/** A part of a comment's direct replies, oldest first, and where they go on. */
export interface Replies {
  rows: CommentRow[]
  nextCursor: string | undefined
}

/** @param after a cursor of the part before; @throws DomainError `validation` for one that is none of ours */
export async function listReplies(
  db: Db,
  caller: Caller,
  { postId, commentId, after, limit }: { postId: string; commentId: string; after?: string; limit: number },
  cursors: Cursors,
): Promise<Replies> {
  const { comment } = await getComment(db, caller, commentId, { postId })
  const position = after === undefined ? undefined : cursors.read(comment.id, after)
  const found = await repliesQuery(db, comment.id, position, limit + 1).execute()
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  const hasMore = found.length > limit && last !== undefined
  const nextCursor = hasMore ? cursors.write(comment.id, { createdAt: last.created_at, id: last.id }) : undefined
  return { rows, nextCursor }
}

const isAfter = ({ createdAt, id }: Position) => sql<boolean>`(created_at, id) > (${createdAt}, ${id})`

export function repliesQuery(db: Db, commentId: string, position: Position | undefined, limit: number) {
  let query = db
    .selectFrom('comment')
    .selectAll()
    .where('parent_comment_id', '=', commentId)
    .where('deleted_at', 'is', null)
  if (position) query = query.where(isAfter(position))
  return query.orderBy('created_at').orderBy('id').limit(limit)
}
