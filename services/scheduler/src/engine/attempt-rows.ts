import { type RawBuilder, sql } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import { isSuccess, type Sent } from '../sending/answer.ts'
import type { Outcome } from './outcome.ts'

const COLUMNS =
  'id, job_id, kind, run, number, due_at, sent_at, first_byte_at, ended_at, outcome, status_code, address, headers, body, is_truncated, error'

/** Of the table `attempt`, and of `attemptsOf`. */
export const ATTEMPT_COLUMNS = sql.raw(COLUMNS)

/** Attempts as a table `made`, with the ids of their rows in the queue. One array a column: the text stays the same. */
export function attemptsOf(outcomes: Outcome[]): RawBuilder<unknown> {
  const column = <T>(read: (outcome: Outcome) => T): T[] => outcomes.map(read)
  const answer = ({ sent }: Outcome) => (sent.result.kind === 'answer' ? sent.result : undefined)
  return sql`unnest(
    ${column(({ task }) => task.id)}::bigint[],
    ${column(() => uuidV7())}::uuid[], ${column(({ task }) => task.jobId)}::text[],
    ${column(({ task }) => task.kind)}::text[], ${column(({ task }) => task.run)}::int[],
    ${column(({ task }) => task.attempts)}::int[], ${column(({ task }) => task.dueAt)}::timestamptz[],
    ${column(({ sent }) => sent.sentAt)}::timestamptz[], ${column(({ sent }) => sent.firstByteAt)}::timestamptz[],
    ${column(({ sent }) => sent.endedAt)}::timestamptz[], ${column(({ sent }) => outcomeOf(sent))}::text[],
    ${column((outcome) => answer(outcome)?.statusCode ?? null)}::int[],
    ${column(({ sent }) => sent.address)}::text[],
    ${column((outcome) => headersText(answer(outcome)?.headers))}::jsonb[],
    ${column((outcome) => answer(outcome)?.body ?? null)}::bytea[],
    ${column((outcome) => answer(outcome)?.isTruncated ?? false)}::boolean[],
    ${column(({ sent }) => ('error' in sent.result ? sent.result.error : null))}::text[]
  ) as made (queue_id, ${ATTEMPT_COLUMNS})`
}

function outcomeOf({ result }: Sent): string {
  if (isSuccess(result)) return 'succeeded'
  return result.kind === 'answer' ? 'failed' : result.kind
}

const headersText = (headers: object | undefined) => (headers ? JSON.stringify(headers) : null)
