import type { EntityType, ModerationStatus } from '@platform/contracts/shapes.ts'
import type { LibraryTables } from '@platform/service/service.ts'
import type { ColumnType, Generated, Kysely, Selectable, Transaction } from 'kysely'

/** Content that can be moderated: the newest state that its owner told of it, and where it stands. */
export interface ItemTable {
  entity_type: EntityType
  entity_id: string
  /** The author, a group's owner. */
  subject_id: string
  /** The owner's state, as its events carry it. */
  content: ColumnType<unknown, string, string>
  /** Grows whenever people would read or see something else. */
  content_revision: number
  /** Version of the owner's newest event. */
  content_version: number
  status: Generated<ModerationStatus>
  status_since: Date
  /** The content's revision when it was given its status; null while it never moved. */
  status_revision: number | null
  transition_count: Generated<number>
  /** Grows with each decision: reports of earlier rounds are closed. */
  report_round: Generated<number>
  /** In this round, and so also the number of different reporters. */
  open_report_count: Generated<number>
  /** When the content was made. */
  created_at: Date
  deleted_at: Date | null
}

/** The audit trail: written once, never changed. */
export interface TransitionTable {
  id: string
  entity_type: EntityType
  entity_id: string
  /** 1, 2, 3 … for each entity; the version of the event that tells of it. */
  number: number
  subject_id: string
  actor_id: string
  /** Whose request it was, where `actor_id` is an agent that was named in it; null when nobody asked. */
  caller_id: string | null
  previous_status: ModerationStatus
  new_status: ModerationStatus
  reason: string | null
  comment: string | null
  content_revision: number
  created_at: Date
}

export interface ReportTable {
  id: string
  entity_type: EntityType
  entity_id: string
  reporter_id: string
  /** The item's round; the report is open while it is the item's. */
  round: number
  content_revision: number
  reason: string
  comment: string | null
  created_at: Date
}

/** How many items that are not deleted have a status, spread over slots so that writers seldom meet. */
export interface ItemTotalTable {
  entity_type: EntityType
  status: ModerationStatus
  slot: number
  total: number
}

export interface ModerationTables extends LibraryTables {
  item: ItemTable
  transition: TransitionTable
  report: ReportTable
  item_total: ItemTotalTable
}

export type Db = Kysely<ModerationTables>
export type Tx = Transaction<ModerationTables>
export type ItemRow = Selectable<ItemTable>
export type TransitionRow = Selectable<TransitionTable>
export type ReportRow = Selectable<ReportTable>
