import {
  commentDeleted,
  commentEdited,
  commentLiked,
  postDeleted,
  postEdited,
  postLiked,
} from '@platform/contracts/social.ts'
import type { Snapshot, SnapshotEntry } from '@platform/events/republish.ts'
import { toCommentState } from './comments/comment-view.ts'
import type { SocialTables } from './db/schema.ts'
import { SOURCE } from './posts/post-events.ts'
import { toPostState } from './posts/post-view.ts'

/** Every post, those that are deleted too: who missed the deletion learns of it. */
const posts: Snapshot<SocialTables> = {
  topic: 'social.post',
  page: async (trx, after, limit) => {
    const rows = await trx
      .selectFrom('post')
      .selectAll()
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .forShare()
      .execute()
    return rows.flatMap((row): SnapshotEntry[] => {
      const state = {
        type: row.deleted_at ? postDeleted : postEdited,
        source: SOURCE,
        subject: row.id,
        entityVersion: row.version,
        data: toPostState(row),
        cursor: row.id,
      }
      return [state, ...likes(row, postLiked, { postId: row.id, likeCount: row.like_count })]
    })
  },
}

/** Every comment, those that are deleted too. */
const comments: Snapshot<SocialTables> = {
  topic: 'social.comment',
  page: async (trx, after, limit) => {
    const rows = await trx
      .selectFrom('comment')
      .selectAll()
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .forShare()
      .execute()
    return rows.flatMap((row): SnapshotEntry[] => {
      const state = {
        type: row.deleted_at ? commentDeleted : commentEdited,
        source: SOURCE,
        subject: row.id,
        entityVersion: row.version,
        data: toCommentState(row),
        cursor: row.id,
      }
      const data = { commentId: row.id, postId: row.post_id, likeCount: row.like_count }
      return [state, ...likes(row, commentLiked, data)]
    })
  },
}

interface LikedRow {
  id: string
  like_version: number
  deleted_at: Date | null
}

/** Likes have versions of their own, and who knows none of them would wait for the first when the next one comes. */
function likes(row: LikedRow, type: typeof postLiked | typeof commentLiked, data: object): SnapshotEntry[] {
  if (row.deleted_at || row.like_version === 0) return []
  const subject = `${row.id}/likes`
  return [{ type, source: SOURCE, subject, key: row.id, entityVersion: row.like_version, data, cursor: row.id }]
}

/** What `pnpm events republish` can tell again. */
export const snapshots = [posts, comments]
