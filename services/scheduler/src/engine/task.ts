import type { StoredHeaders } from '../secrets/job-secrets.ts'

/** What a row of the queue stands for. */
export type TaskKind = 'request' | 'callback' | 'failure_callback'

/** One thing to send, claimed by an engine, with all that it needs for it. */
export interface Task {
  /** In the queue. */
  id: number
  /** Shows that the row is still ours. */
  token: number
  kind: TaskKind
  jobId: string
  callbackId: number | null
  accountId: string
  host: string
  dueAt: Date
  /** The claim has begun it already: it was due, and there was room. */
  isBegun: boolean
  /** When a former holder has begun it that vanished. */
  lapsedAt: Date | null
  firstAt: Date | null
  /** Requests of this run's schedule that have failed. */
  tries: number
  /** How often in a row a holder has vanished with it. */
  lapses: number
  /** Requests of this run that were begun. */
  attempts: number
  run: number
  /** Of the job, when it was claimed: nobody else changes it. */
  eventVersion: number
  method: string
  uri: string
  /** Sealed. */
  headers: StoredHeaders | null
  body: string | null
  retryLimit: number
  cron: string | null
  /** Of the cron rule. */
  zone: string
  callbackUri: string | null
  failureCallbackUri: string | null
  /** Of the account, sealed, the current one first. */
  secrets: string[]
}
