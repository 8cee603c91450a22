import { commentDeleted, commentEdited, postDeleted, postEdited } from '@platform/contracts/social.ts'
import type { Snapshot } from '@platform/events/republish.ts'
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
    return rows.map((row) => ({
      type: row.deleted_at ? postDeleted : postEdited,
      source: SOURCE,
      subject: row.id,
      entityVersion: row.version,
      data: toPostState(row),
      cursor: row.id,
    }))
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
    return rows.map((row) => ({
      type: row.deleted_at ? commentDeleted : commentEdited,
      source: SOURCE,
      subject: row.id,
      entityVersion: row.version,
      data: toCommentState(row),
      cursor: row.id,
    }))
  },
}

/** What `pnpm events republish` can tell again. */
export const snapshots = [posts, comments]
