import { isRedacted, REDACTED, type RedactedStatuses } from '@platform/contracts/redaction.ts'
import type { PostState } from '@platform/contracts/social.ts'
import type { Caller } from '@platform/http/assertion.ts'
import type { PostRow } from '../db/schema.ts'
import type { Post } from './shapes.ts'

/** The columns that a post is shown from. */
export const SHOWN_COLUMNS = [
  'id',
  'author_id',
  'group_id',
  'original_post_id',
  'text',
  'media_ids',
  'mentions',
  'location',
  'like_count',
  'comment_count',
  'repost_count',
  'moderation_status',
  'created_at',
  'updated_at',
] as const satisfies (keyof PostRow)[]
/** As a row has them, or as JSON has: there times are texts. */
export type ShownRow = Omit<Pick<PostRow, (typeof SHOWN_COLUMNS)[number]>, 'created_at' | 'updated_at'> & {
  created_at: Date | string
  updated_at: Date | string
}

/** A post's row with what depends on who asks. */
export interface SeenPost {
  row: ShownRow
  isLiked: boolean
  isCommented: boolean
  isReposted: boolean
  /** Of a repost, when the caller may see it. */
  original?: SeenPost
  /** A repost's is its original's. */
  repostCount: number
}

// What PostgreSQL's JSON has of nearly every time: with milliseconds, in UTC.
const MILLISECONDS_IN_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$/

/** Joined, since V8 puts a text that was added up into JSON several times as slowly, with the whole answer around it. */
function toTime(time: Date | string): string {
  if (typeof time === 'string' && MILLISECONDS_IN_UTC.test(time)) return [time.slice(0, 23), 'Z'].join('')
  return new Date(time).toISOString()
}

/** A post as the caller may see it: redacted, unless they wrote it or moderate. */
export function toPost(seen: SeenPost, caller: Caller, redacted: RedactedStatuses): Post {
  const { row, original } = seen
  const moderated = isRedacted({ status: row.moderation_status, authorId: row.author_id }, caller, redacted)
  const content = moderated ? { text: REDACTED, mediaIds: [], mentions: [] } : contentOf(row)
  return {
    id: row.id,
    ...content,
    createdAt: toTime(row.created_at),
    updatedAt: toTime(row.updated_at),
    authorId: row.author_id,
    groupId: row.group_id ?? undefined,
    likeCount: row.like_count,
    commentCount: row.comment_count,
    likedByUser: seen.isLiked,
    commentedByUser: seen.isCommented,
    moderationStatus: row.moderation_status,
    originalPostId: row.original_post_id ?? undefined,
    repostCount: seen.repostCount,
    repostedByUser: seen.isReposted,
    originalPost: original && toPost(original, caller, redacted),
    moderated,
  }
}

/** What moderation decides on: a change of any of it makes a new content revision. */
export function contentOf(row: Pick<PostRow, 'text' | 'media_ids' | 'mentions' | 'location'>) {
  return {
    text: row.text,
    mediaIds: row.media_ids,
    mentions: row.mentions,
    location: row.location ?? undefined,
  }
}

/** A post as other services learn of it. */
export function toPostState(row: PostRow): PostState {
  return {
    id: row.id,
    authorId: row.author_id,
    groupId: row.group_id ?? undefined,
    originalPostId: row.original_post_id ?? undefined,
    status: row.status,
    ...contentOf(row),
    likeCount: row.like_count,
    commentCount: row.comment_count,
    repostCount: row.repost_count,
    contentRevision: row.content_revision,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    deletedAt: row.deleted_at?.toISOString(),
  }
}
