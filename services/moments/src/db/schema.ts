import type { ErasureTables } from '@platform/erasure/jobs.ts'
import type { LibraryTables } from '@platform/service/service.ts'
import type { ColumnType, Generated, Kysely, Selectable, Transaction } from 'kysely'
import type { Why } from '../smart/model/types.ts'

/** The rights on a robot. */
export const RIGHTS = ['viewer', 'owner'] as const
export type Right = (typeof RIGHTS)[number]

/** A user's actions on a moment. Its robot reads about them. */
export const ACTIONS = ['like', 'unlike', 'dislike', 'share', 'delete', 'restore'] as const
export type Action = (typeof ACTIONS)[number]

export const MEDIA_KINDS = ['video', 'image', 'thumbnail', 'audio', 'metadata'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

/** The newest change of a moment. */
export type ChangeKind = 'created' | 'changed' | 'deleted' | 'restored' | 'purged'

/** An `xid8`, as text. */
type TransactionId = ColumnType<string, never, never>

export interface RobotTable {
  id: string
  name: string | null
  time_zone: Generated<string>
  retention_days: number | null
  max_moments: number | null
  last_action_at: Generated<Date>
  created_at: Date
  updated_at: Date
}

/** A user's right on a robot. It stays when it is revoked, so that a renewed right shows everything again. */
export interface AccessTable {
  robot_id: string
  user_id: string
  right: Right
  visible_from: Date | null
  granted_at: Date
  revoked_at: Date | null
  event_version: Generated<number>
  changed_xid: TransactionId
}

/** The read model of accounts. */
export interface AccountTable {
  id: string
  version: number
  deleted_at: Date | null
}

export interface MomentTable {
  id: string
  robot_id: string
  source_id: string
  type: string
  title: string | null
  captured_at: Date
  time_zone: string
  /** `YYYY-MM-DD HH:MM:SS.mmm`: a wall clock, which no time zone of ours must touch. */
  local_at: ColumnType<string, string, string>
  local_hour: ColumnType<number, never, never>
  expires_at: Date | null
  features: ColumnType<Record<string, number> | null, string | null, string | null>
  share_count: Generated<number>
  view_counter: Generated<number>
  has_new_counts: Generated<boolean>
  pinned: Generated<boolean>
  /** Written with SQL only. */
  transitions: ColumnType<string, never, never>
  deleted_at: Date | null
  deleted_by: string | null
  purge_started_at: Date | null
  purged_at: Date | null
  version: Generated<number>
  last_change: Generated<ChangeKind>
  changed_xid: TransactionId
  created_at: Date
  updated_at: Date
}

export interface MediaTable {
  id: string
  moment_id: string
  position: number
  kind: MediaKind
  content_type: string | null
  bytes: number | null
  sha256: string | null
  object_key: string | null
  uri: string | null
  thumb_hash: string | null
}

export interface UploadTable {
  id: string
  robot_id: string
  kind: MediaKind
  content_type: string
  bytes: number
  sha256: string
  object_key: string
  url_expires_at: Date
  created_at: Date
  /** The moment that has it. */
  moment_id: string | null
  /** From then on no moment can name it, and its object is deleted. */
  abandoned_at: Date | null
}

/** One user's marks on one moment. */
export interface MarkTable {
  user_id: string
  moment_id: string
  feedback: Generated<number>
  seen_at: Date | null
  shared_at: Date | null
  deleted_at: Date | null
  updated_at: Date
  changed_xid: TransactionId
}

export interface MomentActionTable {
  id: string
  robot_id: string
  moment_id: string
  user_id: string
  action: Action
  at: Date
}

/** One order of a user's smart feed with one filter. */
export interface SmartSnapshotTable {
  id: string
  number: ColumnType<string, never, never>
  user_id: string
  /** Canonical JSON, see `feedName`. */
  filter: string
  created_at: Date
  /** A `pg_snapshot`, as text. */
  moments_at: string
  label_state: string
  /** A digest of the rights that the user had. */
  rights: string
  moment_ids: string[]
  reasons: Why[]
  similar_counts: number[]
}

/** Labels of all users for one type in one bin of the local day. */
export interface SmartPriorTable {
  type: string
  hour_bin: number
  likes: number
  dislikes: number
  refreshed_at: Date
}

export interface MomentsTables extends LibraryTables, ErasureTables {
  robot: RobotTable
  access: AccessTable
  account: AccountTable
  moment: MomentTable
  media: MediaTable
  upload: UploadTable
  mark: MarkTable
  moment_action: MomentActionTable
  smart_snapshot: SmartSnapshotTable
  smart_prior: SmartPriorTable
}

export type Db = Kysely<MomentsTables>
export type Tx = Transaction<MomentsTables>
export type RobotRow = Selectable<RobotTable>
export type AccessRow = Selectable<AccessTable>
export type MomentRow = Selectable<MomentTable>
export type MediaRow = Selectable<MediaTable>
export type UploadRow = Selectable<UploadTable>
export type MarkRow = Selectable<MarkTable>
