import type { LibraryTables } from '@platform/service/service.ts'
import type { ColumnType, Generated, GeneratedAlways, Kysely, Selectable, Transaction } from 'kysely'
import type { StoredHeaders } from '../secrets/job-secrets.ts'

/** A jsonb column: an object when read, JSON text when written. */
type Json<T> = ColumnType<T | null, string | null, string | null>

/** A copy of what the gateway tells of an account. */
export interface AccountTable {
  id: string
  /** IANA name. */
  timezone: string
  version: number
  deleted_at: Date | null
}

/** What an account chose here. */
export interface AccountSettingTable {
  account_id: string
  /** Errors are answered with 200, as clients of 2011 expect. */
  legacy_status: Generated<boolean>
  /** Sealed. */
  signing_secret: string
  /** Sealed. */
  previous_secret: string | null
  previous_secret_until: Date | null
  /** Jobs that still have something to do. */
  active_jobs: Generated<number>
}

/** Where a job stands. That it is being sent at this moment is the queue's knowledge. */
export const STORED_STATUSES = ['scheduled', 'retrying', 'paused', 'succeeded', 'failed', 'canceled'] as const
export type StoredStatus = (typeof STORED_STATUSES)[number]

export interface JobTable {
  id: string
  account_id: string
  /** Normalised, with its port. */
  uri: string
  method: string
  at: Date
  /** How `at` is shown: the offset that was given, or the account's at that time. */
  at_offset_minutes: number
  /** Sealed. */
  headers: Json<StoredHeaders>
  body: string | null
  callback_uri: string | null
  failure_callback_uri: string | null
  /** How many of the retries; 0: all. */
  retry_limit: Generated<number>
  cron: string | null
  /** Of `cron`. */
  timezone: string | null
  status: StoredStatus
  /** The status, when it is one that few jobs are in for long. */
  exception: GeneratedAlways<Exclude<StoredStatus, 'scheduled' | 'succeeded'> | null>
  /** Counts how often the job was begun anew: by its cron rule, or by hand. */
  run: Generated<number>
  /** Requests of this run. */
  attempts: Generated<number>
  /** Grows with every change that a client can see. */
  revision: Generated<number>
  event_version: Generated<number>
  created_at: Date
  updated_at: Date
  finished_at: Date | null
  deleted_at: Date | null
}

export interface CallbackTable {
  id: GeneratedAlways<number>
  job_id: string
  run: number
  kind: 'success' | 'failure'
  uri: string
  /** JSON, as it is sent. */
  payload: string
  status: Generated<'waiting' | 'delivered' | 'failed'>
  attempts: Generated<number>
  created_at: Date
  finished_at: Date | null
}

/** One thing to send: a job's request, or a callback. */
export interface QueueTable {
  id: GeneratedAlways<number>
  job_id: string
  /** Null: the job's own request. */
  callback_id: number | null
  account_id: string
  /** Name and port of the target. */
  host: string
  /** When it should be sent. */
  due_at: Date
  /** When somebody has to look: when it is due. Null while the job is paused. */
  next_at: Date | null
  /** Grows with each claim, edit and outcome: who comes with an older one has lost the row. */
  token: Generated<number>
  /** The engine that has it, and until when nobody else may. */
  holder: string | null
  lease_until: Date | null
  /** Set in the commit before the request goes out; from then on the job cannot be changed. */
  begun_at: Date | null
  /** Of the run's first request: the retries are counted from it. */
  first_at: Date | null
  /** Requests of the run's schedule that have failed. */
  tries: Generated<number>
  /** How often in a row a holder has vanished with the request under way. */
  lapses: Generated<number>
  attempts: Generated<number>
  /** Canceled while its request was under way: no more retries. */
  stopping: Generated<boolean>
}

export interface AttemptTable {
  id: string
  job_id: string
  kind: 'request' | 'callback' | 'failure_callback'
  run: number
  number: number
  due_at: Date
  sent_at: Date
  first_byte_at: Date | null
  ended_at: Date
  outcome: 'succeeded' | 'failed' | 'refused' | 'unknown'
  status_code: number | null
  /** Of the peer. */
  address: string | null
  /** Of the answer. */
  headers: Json<Record<string, string | string[]>>
  body: Buffer | null
  is_truncated: boolean
  error: string | null
}

export interface SchedulerTables extends LibraryTables {
  account: AccountTable
  account_setting: AccountSettingTable
  job: JobTable
  callback: CallbackTable
  queue: QueueTable
  attempt: AttemptTable
}

export type Db = Kysely<SchedulerTables>
export type Tx = Transaction<SchedulerTables>
export type JobRow = Selectable<JobTable>
export type AttemptRow = Selectable<AttemptTable>
