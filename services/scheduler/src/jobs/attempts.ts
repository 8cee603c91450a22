import { sql } from 'kysely'
import type { AttemptRow, Db } from '../db/schema.ts'
import { bodyText } from './body-text.ts'
import { type Attempt, type AttemptsQuery, PAGE_LIMIT } from './shapes.ts'

/** What the bodies of a page have in all: in base64 that is a MiB. */
const PAGE_BYTES = 786_432

const PLAIN_COLUMNS = [
  'kind',
  'run',
  'number',
  'outcome',
  'due_at',
  'sent_at',
  'first_byte_at',
  'ended_at',
  'status_code',
  'address',
  'headers',
  'error',
] as const
type ShownAttempt = Pick<AttemptRow, (typeof PLAIN_COLUMNS)[number] | 'body' | 'is_truncated'>

/** A part of the requests that were made for a job, newest first, each with its share of what a page may carry. */
export async function listAttempts(db: Db, jobId: string, query: AttemptsQuery): Promise<Attempt[]> {
  const limit = query.limit ?? PAGE_LIMIT
  const share = Math.floor(PAGE_BYTES / limit)
  const rows: ShownAttempt[] = await db
    .selectFrom('attempt')
    .select(PLAIN_COLUMNS)
    .select([
      sql<Buffer | null>`substring(body from 1 for ${share})`.as('body'),
      sql<boolean>`is_truncated or coalesce(octet_length(body) > ${share}, false)`.as('is_truncated'),
    ])
    .where('job_id', '=', jobId)
    .orderBy('sent_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset((query.page ?? 0) * limit)
    .execute()
  return rows.map(toAttempt)
}

function toAttempt(row: ShownAttempt): Attempt {
  const body = row.body && bodyText(row.body, row.is_truncated)
  return {
    kind: row.kind,
    run: row.run,
    number: row.number,
    outcome: row.outcome,
    due_at: row.due_at.toISOString(),
    sent_at: row.sent_at.toISOString(),
    first_byte_at: row.first_byte_at?.toISOString(),
    ended_at: row.ended_at.toISOString(),
    late_ms: row.sent_at.getTime() - row.due_at.getTime(),
    duration_ms: row.ended_at.getTime() - row.sent_at.getTime(),
    status: row.status_code ?? undefined,
    address: row.address ?? undefined,
    headers: row.headers ?? undefined,
    body: body?.text,
    body_encoding: body?.encoding,
    truncated: row.is_truncated,
    error: row.error ?? undefined,
  }
}
