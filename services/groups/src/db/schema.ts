import type { ModerationStatus } from '@platform/contracts/shapes.ts'
import type { ErasureTables } from '@platform/erasure/jobs.ts'
import type { GroupAddress } from '@platform/geo/schemas.ts'
import type { ErasingService } from '@platform/platform/registry.ts'
import type { LibraryTables } from '@platform/service/service.ts'
import type { ColumnType, Generated, GeneratedAlways, Kysely, Selectable, Transaction } from 'kysely'

/** A jsonb column: an object when read, JSON text when written. */
type Json<T> = ColumnType<T | null, string | null, string | null>

export interface GroupTable {
  id: string
  name: string
  description: string
  short_name: string
  sport_id: string | null
  cover_id: string | null
  avatar_id: string | null
  post_rules: 'Everyone' | 'AdminApproval' | 'OnlyAdmin'
  group_type: 'Public' | 'Private'
  owner_id: string
  address: Json<GroupAddress>
  /** Degrees; the location that was given, not the address's. */
  latitude: number | null
  longitude: number | null
  position: GeneratedAlways<string | null>
  /** Where it is sorted by distance: within a centimetre of `position`, and alone there. */
  sorted_position: GeneratedAlways<string | null>
  participants_count: number
  moderation_status: Generated<ModerationStatus>
  /** Of the last moderation transition that was applied. */
  moderation_version: Generated<number>
  content_revision: Generated<number>
  version: Generated<number>
  created_at: Date
  updated_at: Date
  deleted_at: Date | null
}

/** What groups are found by; a trigger keeps it. */
export interface GroupNameTable {
  group_id: string
  /** In lower case. */
  name: string
}

export interface ParticipantTable {
  group_id: string
  /** Of somebody who was erased: what `erasedPersonId` makes of it. */
  user_id: string
  is_admin: Generated<boolean>
  /** Stays when somebody leaves, so that leaving and coming back is no way around it. */
  is_muted: Generated<boolean>
  joined_at: Date
  deleted_at: Date | null
  version: Generated<number>
}

/** The erasure of a person's data. It is kept when it is complete: that it was done has to be shown. */
export interface ErasureTable {
  id: string
  user_id: string
  requested_at: Date
  completed_at: Date | null
  /** When it was last requested while this one was open. */
  asked_again_at: Date | null
  /** It was requested again after a service had done its part: when this one is complete, another begins. */
  is_once_more: Generated<boolean>
}

export const PART_STATES = ['pending', 'working', 'completed'] as const

/** How far a service is with its part of an erasure. */
export interface ErasurePartTable {
  erasure_id: string
  service: ErasingService
  state: Generated<(typeof PART_STATES)[number]>
  /** When it came into this state. */
  since: Date
  /** How many records have gone so far. */
  erased: Generated<number>
  /** Of the service's newest event about it. */
  version: Generated<number>
}

export interface GroupsTables extends LibraryTables, ErasureTables {
  group: GroupTable
  group_name: GroupNameTable
  participant: ParticipantTable
  erasure: ErasureTable
  erasure_part: ErasurePartTable
  public_group_total: { slot: number; total: number }
}

export type Db = Kysely<GroupsTables>
export type Tx = Transaction<GroupsTables>
export type GroupRow = Selectable<GroupTable>
export type ParticipantRow = Selectable<ParticipantTable>
export type ErasureRow = Selectable<ErasureTable>
export type ErasurePartRow = Selectable<ErasurePartTable>
