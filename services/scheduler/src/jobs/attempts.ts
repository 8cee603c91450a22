import { isUtf8 } from 'node:buffer'
import type { AttemptRow, Db } from '../db/schema.ts'
import type { Attempt } from './shapes.ts'

const MAX_SHOWN = 1_000

/** The requests that were made for a job, oldest first; the newest thousand. */
export async function listAttempts(db: Db, jobId: string): Promise<Attempt[]> {
  const rows = await db
    .selectFrom('attempt')
    .selectAll()
    .where('job_id', '=', jobId)
    .orderBy('sent_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MAX_SHOWN)
    .execute()
  return rows.reverse().map(toAttempt)
}

function toAttempt(row: AttemptRow): Attempt {
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
    ...(row.body && bodyOf(row.body)),
    truncated: row.is_truncated,
    error: row.error ?? undefined,
  }
}

/** Text where it is one; anything else in base64, so that nothing of it is lost. */
function bodyOf(body: Buffer): Pick<Attempt, 'body' | 'body_encoding'> {
  return isUtf8(body)
    ? { body: body.toString(), body_encoding: 'utf-8' }
    : { body: body.toString('base64'), body_encoding: 'base64' }
}
