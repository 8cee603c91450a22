import { randomUUIDv7 } from 'node:crypto'
import { booleans, byteStrings, instants, integers, jsons, texts, uuids } from '@platform/db/arrays.ts'
import type { Parts } from '@platform/db/prepared.ts'
import { type RawBuilder, sql } from 'kysely'
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
export type AttemptArrays = Record<keyof typeof TYPES, Buffer>

/** Of the table `attempt`. */
export const ATTEMPT_COLUMNS = sql.raw(Object.keys(TYPES).join(', '))

export function attemptArrays(outcomes: Outcome[]): AttemptArrays {
  const column = <T>(read: (outcome: Outcome) => T): T[] => outcomes.map(read)
  const answer = ({ sent }: Outcome) => (sent.result.kind === 'answer' ? sent.result : undefined)
  return {
    id: uuids(column(() => randomUUIDv7())),
    job_id: texts(column(({ task }) => task.jobId)),
    kind: texts(column(({ task }) => task.kind)),
    run: integers(column(({ task }) => task.run)),
    number: integers(column(({ task }) => task.attempts)),
    due_at: instants(column(({ task }) => task.dueAt)),
    sent_at: instants(column(({ sent }) => sent.sentAt)),
    first_byte_at: instants(column(({ sent }) => sent.firstByteAt)),
    ended_at: instants(column(({ sent }) => sent.endedAt)),
    outcome: texts(column(({ sent }) => outcomeOf(sent))),
    status_code: integers(column((outcome) => answer(outcome)?.statusCode ?? null)),
    address: texts(column(({ sent }) => sent.address)),
    headers: jsons(column((outcome) => headersText(answer(outcome)?.headers))),
    body: byteStrings(column((outcome) => answer(outcome)?.body ?? null)),
    is_truncated: booleans(column((outcome) => answer(outcome)?.isTruncated ?? false)),
    error: texts(column(({ sent }) => ('error' in sent.result ? sent.result.error : null))),
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
