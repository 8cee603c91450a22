import type { Parts } from '@platform/db/prepared.ts'
import { type RawBuilder, sql } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import { isSuccess, type Sent } from '../sending/answer.ts'
import type { Outcome } from './outcome.ts'

/** The columns of the table `attempt`, and their types. */
const TYPES = {
  id: 'uuid',
  job_id: 'text',
  kind: 'text',
  run: 'int',
  number: 'int',
  due_at: 'timestamptz',
  sent_at: 'timestamptz',
  first_byte_at: 'timestamptz',
  ended_at: 'timestamptz',
  outcome: 'text',
  status_code: 'int',
  address: 'text',
  headers: 'jsonb',
  body: 'bytea',
  is_truncated: 'boolean',
  error: 'text',
} as const

/** Attempts by their columns: an array each, so that a statement's text is the same for any number of them. */
export type AttemptArrays = Record<keyof typeof TYPES, unknown[]>

/** Of the table `attempt`. */
export const ATTEMPT_COLUMNS = sql.raw(Object.keys(TYPES).join(', '))

export function attemptArrays(outcomes: Outcome[]): AttemptArrays {
  const column = <T>(read: (outcome: Outcome) => T): T[] => outcomes.map(read)
  const answer = ({ sent }: Outcome) => (sent.result.kind === 'answer' ? sent.result : undefined)
  return {
    id: column(() => uuidV7()),
    job_id: column(({ task }) => task.jobId),
    kind: column(({ task }) => task.kind),
    run: column(({ task }) => task.run),
    number: column(({ task }) => task.attempts),
    due_at: column(({ task }) => task.dueAt),
    sent_at: column(({ sent }) => sent.sentAt),
    first_byte_at: column(({ sent }) => sent.firstByteAt),
    ended_at: column(({ sent }) => sent.endedAt),
    outcome: column(({ sent }) => outcomeOf(sent)),
    status_code: column((outcome) => answer(outcome)?.statusCode ?? null),
    address: column(({ sent }) => sent.address),
    headers: column((outcome) => headersText(answer(outcome)?.headers)),
    body: column((outcome) => answer(outcome)?.body ?? null),
    is_truncated: column((outcome) => answer(outcome)?.isTruncated ?? false),
    error: column(({ sent }) => ('error' in sent.result ? sent.result.error : null)),
  }
}

/** The arrays, in the order of `ATTEMPT_COLUMNS`, for `unnest`. */
export function inAttemptOrder(arrays: Parts<AttemptArrays>): RawBuilder<unknown> {
  const columns = Object.entries(TYPES)
  return sql.join(columns.map(([name, type]) => sql`${arrays[name as keyof AttemptArrays]}::${sql.raw(type)}[]`))
}

function outcomeOf({ result }: Sent): string {
  if (isSuccess(result)) return 'succeeded'
  return result.kind === 'answer' ? 'failed' : result.kind
}

const headersText = (headers: object | undefined) => (headers ? JSON.stringify(headers) : null)
