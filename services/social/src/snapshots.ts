import {
  commentDeleted,
  commentEdited,
  commentLiked,
  postDeleted,
  postEdited,
  postLiked,
} from '@platform/contracts/social.ts'
import type { EventType } from '@platform/events/event-type.ts'
import type { Snapshot, SnapshotEntry } from '@platform/events/republish.ts'
import { sql } from 'kysely'
import { toCommentState } from './comments/comment-view.ts'
import type { PostRow, SocialTables } from './db/schema.ts'
import { toCommentLikes, toPostLikes } from './likes/likes-state.ts'
import { SOURCE } from './posts/post-events.ts'
import { toPostState } from './posts/post-view.ts'

type ToldRow = Pick<PostRow, 'id' | 'version' | 'like_version' | 'deleted_at'>

/** What has a topic of its own, and how it is told. */
interface Told<Row, State, Likes> {
  table: 'post' | 'comment'
  edited: EventType<State>
  deleted: EventType<State>
  toState: (row: Row) => State
  liked: EventType<Likes>
  toLikes: (row: Row) => Likes
}

/** Every row of a table, those that are deleted too: who missed the deletion learns of it. */
function snapshotOf<Row extends ToldRow, State, Likes>(told: Told<Row, State, Likes>): Snapshot<SocialTables> {
  return {
    topic: told.edited.topic,
    page: async (trx, after, limit) => {
      const { rows } = await sql<Row>`
        select * from ${sql.table(told.table)} where ${after === undefined ? sql`true` : sql`id > ${after}`}
        order by id limit ${limit} for share`.execute(trx)
      return rows.flatMap((row) => entriesOf(row, told))
    },
  }
}

/** Likes have versions of their own, and who knows none of them would wait for the first when the next one comes. */
function entriesOf<Row extends ToldRow, State, Likes>(
  row: Row,
  { edited, deleted, toState, liked, toLikes }: Told<Row, State, Likes>,
): SnapshotEntry[] {
  const of = { source: SOURCE, key: row.id, cursor: row.id }
  const type = row.deleted_at ? deleted : edited
  const state = { ...of, type, subject: row.id, entityVersion: row.version, data: toState(row) }
  if (row.deleted_at || row.like_version === 0) return [state]
  const subject = `${row.id}/likes`
  return [state, { ...of, type: liked, subject, entityVersion: row.like_version, data: toLikes(row) }]
}

/** What `pnpm events republish` can tell again. */
export const snapshots = [
  snapshotOf({
    table: 'post',
    edited: postEdited,
    deleted: postDeleted,
    toState: toPostState,
    liked: postLiked,
    toLikes: toPostLikes,
  }),
  snapshotOf({
    table: 'comment',
    edited: commentEdited,
    deleted: commentDeleted,
    toState: toCommentState,
    liked: commentLiked,
    toLikes: toCommentLikes,
  }),
]
