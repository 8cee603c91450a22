import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import type { Mention, PostStatus } from '@platform/contracts/social.ts'
import type { ErasureTables } from '@platform/erasure/jobs.ts'
import type { PostLocation } from '@platform/geo/schemas.ts'
import type { LibraryTables } from '@platform/service/service.ts'
import type { ColumnType, Generated, Kysely, Selectable, Transaction } from 'kysely'

/** A jsonb column: a value when read, JSON text when written. */
type Json<T> = ColumnType<T, string, string>

/** Our copy of a group, as its newest event or answer had it. */
export interface GroupTable {
  id: string
  owner_id: string
  post_rules: 'Everyone' | 'AdminApproval' | 'OnlyAdmin'
  group_type: 'Public' | 'Private'
  version: number
  deleted_at: Date | null
}

/** Our copy of a person's place in a group; it stays when they leave. */
export interface ParticipantTable {
  group_id: string
  /** Of somebody who was erased: what `erasedPersonId` makes of it. */
  user_id: string
  is_admin: boolean
  is_muted: boolean
  version: number
  deleted_at: Date | null
}

/** What posts and comments have in common. */
interface ContentColumns {
  id: string
  author_id: string
  text: string
  mentions: Json<Mention[]>
  like_count: Generated<number>
  /** Counts the changes of `like_count`: the version of the events about it. */
  like_version: Generated<number>
  moderation_status: Generated<ModerationStatus>
  /** Of the last moderation transition that was applied. */
  moderation_version: Generated<number>
  content_revision: Generated<number>
  version: Generated<number>
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** A post in a group, on a profile (no group), or a repost (an original). */
export interface PostTable extends ContentColumns {
  group_id: string | null
  original_post_id: string | null
  status: PostStatus
  media_ids: Generated<string[]>
  location: ColumnType<PostLocation | null, string | null, string | null>
  comment_count: Generated<number>
  repost_count: Generated<number>
}

export interface CommentTable extends ContentColumns {
  post_id: string
  parent_comment_id: string | null
  is_edited: Generated<boolean>
  /** Direct replies that are not deleted. */
  reply_count: Generated<number>
}

export interface PostLikeTable {
  id: string
  post_id: string
  user_id: string
  created_at: Date
}

export interface CommentLikeTable extends PostLikeTable {
  comment_id: string
}

interface MarkTable {
  user_id: string
  post_id: string
  created_at: Date
}

export const DELETION_KINDS = ['group', 'post', 'comment'] as const
export type DeletionKind = (typeof DELETION_KINDS)[number]

/** Work that is left of a delete; see `deletions/`. */
export interface DeletionTable {
  kind: DeletionKind
  target_id: string
  deleted_at: Date
  traceparent: string | null
  actor_id: string | null
  worked_on_at: Generated<Date>
}

export interface SocialTables extends LibraryTables, ErasureTables {
  group: GroupTable
  participant: ParticipantTable
  post: PostTable
  comment: CommentTable
  post_like: PostLikeTable
  comment_like: CommentLikeTable
  post_hide: MarkTable
  post_seen: MarkTable
  group_total: { group_id: string; published_count: number; suggested_count: number }
  user_total: { user_id: string; created_count: number; reposted_count: number }
  deletion: DeletionTable
}

export type Db = Kysely<SocialTables>
export type Tx = Transaction<SocialTables>
export type GroupRow = Selectable<GroupTable>
export type ParticipantRow = Selectable<ParticipantTable>
export type PostRow = Selectable<PostTable>
export type CommentRow = Selectable<CommentTable>
