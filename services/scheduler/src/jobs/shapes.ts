import { DateTime, OneOf } from '@platform/http/schemas.ts'
import { type Static, Type } from 'typebox'

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']
export const JOB_STATUSES = ['scheduled', 'running', 'retrying', 'paused', 'succeeded', 'failed', 'canceled'] as const
export type JobStatus = (typeof JOB_STATUSES)[number]

const uri = (description: string) => Type.Optional(Type.String({ description }))

/**
 * What clients say of a job. Types are checked here; what the values mean, and that the needed ones are there, is
 * checked by `readJob`, with the messages that clients know.
 */
export const JobInput = Type.Object(
  {
    uri: uri('http or https, up to 2,048 characters; no inner address. Needed for a new job.'),
    method: Type.Optional(Type.String({ description: `One of ${METHODS.join(', ')}; POST when absent.` })),
    at: Type.Optional(
      Type.String({
        description:
          'ISO 8601, or `YYYY-MM-DD HH:MM:SS ±HHMM`; without an offset it is in the time zone of the job, else of the account. Needed for a new job without `cron`.',
        examples: ['2030-01-31T18:36:21', '2030-01-31 18:36:21 -0800'],
      }),
    ),
    callback_uri: uri('Gets a POST with the answer after a success.'),
    failure_callback_uri: uri('Gets a POST after the last failure.'),
    limit: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0, maximum: 1_000_000 }), Type.String({ pattern: '^[0-9]{0,6}$' })], {
        description: 'How many of the five retries to make; 0 or none: all.',
      }),
    ),
    body: Type.Optional(
      Type.String({ maxLength: 100_000, description: "The request's body; a GET or HEAD has none." }),
    ),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 4_096 }), {
        description: "The request's headers; answers show their names only.",
      }),
    ),
    cron: Type.Optional(
      Type.String({
        maxLength: 200,
        description: 'Five fields, which name a day that there is. The job is then run again and again.',
      }),
    ),
    timezone: Type.Optional(
      Type.String({ maxLength: 100, description: 'IANA name, for `cron` and for an `at` without an offset.' }),
    ),
  },
  { title: 'JobInput' },
)
export type JobInput = Static<typeof JobInput>

export const JobParameters = Type.Object({ job: Type.Optional(JobInput) }, { title: 'JobParameters' })

export const BatchParameters = Type.Object(
  { jobs: Type.Array(JobInput, { minItems: 1, maxItems: 1_000 }) },
  { title: 'JobBatchParameters' },
)

export const JobParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

const echo = {
  id: Type.String(),
  uri: Type.String({ description: 'Normalised, with its port.' }),
  method: Type.String(),
  at: Type.String({ description: '`YYYY-MM-DD HH:MM:SS ±HHMM`' }),
}

/** What creating and changing a job answer: these four, exactly. */
export const JobEcho = Type.Object(echo, { title: 'JobEcho', additionalProperties: false })
export type JobEcho = Static<typeof JobEcho>

export const Job = Type.Object(
  {
    ...echo,
    status: OneOf([...JOB_STATUSES]),
    callback_uri: Type.Optional(Type.String()),
    failure_callback_uri: Type.Optional(Type.String()),
    limit: Type.Integer({ description: 'How many retries; 0: all.' }),
    body: Type.Optional(Type.String()),
    truncated: Type.Optional(
      Type.Boolean({ description: 'There is more of the body than fits on the page; the job alone has all of it.' }),
    ),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    cron: Type.Optional(Type.String()),
    timezone: Type.Optional(Type.String()),
    run: Type.Integer({ description: 'Which run of the job this is, from 1.' }),
    attempts: Type.Integer({ description: 'Requests made in this run.' }),
    next_at: Type.Optional({ ...DateTime, description: 'When the next request is due.' }),
    created_at: DateTime,
    updated_at: DateTime,
    finished_at: Type.Optional(DateTime),
  },
  { title: 'Job' },
)
export type Job = Static<typeof Job>

/** Wraps what went well. */
export function success<T extends Parameters<typeof Type.Object>[0]>(properties: T) {
  return Type.Object({ success: Type.Object(properties) })
}

const Headers = Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]))

export const Attempt = Type.Object(
  {
    kind: OneOf(['request', 'callback', 'failure_callback']),
    run: Type.Integer(),
    number: Type.Integer({ description: 'From 1, in each run.' }),
    outcome: OneOf(['succeeded', 'failed', 'refused', 'unknown']),
    due_at: DateTime,
    sent_at: DateTime,
    first_byte_at: Type.Optional(DateTime),
    ended_at: DateTime,
    late_ms: Type.Number({ description: 'From due to sent.' }),
    duration_ms: Type.Number({ description: 'From sent to the end.' }),
    status: Type.Optional(Type.Integer()),
    address: Type.Optional(Type.String({ description: "The peer's." })),
    headers: Type.Optional(Headers),
    body: Type.Optional(Type.String()),
    body_encoding: Type.Optional(OneOf(['utf-8', 'base64'])),
    truncated: Type.Boolean({ description: 'There was more of the body than is kept, or than fits on the page.' }),
    error: Type.Optional(Type.String()),
  },
  { title: 'Attempt' },
)
export type Attempt = Static<typeof Attempt>

/** Entries on a page where nothing is said of it. */
export const PAGE_LIMIT = 10

const page = Type.Integer({ minimum: 0, maximum: 1_000_000 })
const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 100, description: `Entries on a page, ${PAGE_LIMIT} when absent.` }),
)

export const ListQuery = Type.Object({
  details: Type.Optional(Type.Boolean({ description: 'Give the jobs themselves, not their ids.' })),
  status: Type.Optional(OneOf([...JOB_STATUSES])),
  page: Type.Optional({ ...page, description: 'From 0. Without it or `limit`: the newest 10,000.' }),
  limit,
})
export type ListQuery = Static<typeof ListQuery>

export const AttemptsQuery = Type.Object({ page: Type.Optional({ ...page, description: 'From 0.' }), limit })
export type AttemptsQuery = Static<typeof AttemptsQuery>

export const Preview = Type.Object(
  {
    request: Type.Object({
      method: Type.String(),
      uri: Type.String(),
      headers: Type.Record(Type.String(), Type.String()),
      body: Type.Optional(Type.String()),
    }),
    at: Type.String(),
    instant: DateTime,
    retries: Type.Array(DateTime, { description: 'When it is tried again as long as it fails; a few per cent later.' }),
    next_runs: Type.Optional(Type.Array(DateTime, { description: 'Of a recurring job.' })),
    target: Type.Object({
      host: Type.String(),
      addresses: Type.Array(Type.String()),
      allowed: Type.Boolean(),
      rule: Type.Optional(Type.String({ description: 'What refuses it.' })),
    }),
  },
  { title: 'JobPreview' },
)
export type Preview = Static<typeof Preview>
