import { defineRoute } from '@platform/http/route.ts'
import { Type } from 'typebox'
import { RefusalAnswer } from '../api/dialect.ts'
import { outgoingRequests } from '../callbacks/outgoing.ts'
import {
  Attempt,
  AttemptsQuery,
  BatchParameters,
  Job,
  JobEcho,
  JobParameters,
  JobParams,
  ListQuery,
  Preview,
  success,
} from './shapes.ts'

const common = { tag: 'scheduler', errorAnswer: RefusalAnswer, hasETag: true } as const
const read = { ...common, access: { scope: 'jobs:read' } } as const
const write = { ...common, access: { scope: 'jobs:write' } } as const

const PASSING =
  'Parameters come as JSON (`{"job":{"at":…}}`), as a form, or in the query (`job[at]=…`). An `apikey` may be among them. `.json` may be left off. Errors are `{"error":{"PARAMETER":"MESSAGE"}}`.'

export const createDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/jobs.json',
  operationId: 'createJob',
  summary: 'Schedule a request',
  description: PASSING,
  body: JobParameters,
  takesForms: true,
  callbacks: outgoingRequests,
  responses: { 200: success({ job: JobEcho }) },
  errors: ['rate_limited', 'conflict'],
})

export const batchDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/jobs/batch.json',
  operationId: 'createJobs',
  summary: 'Schedule up to 1,000 requests, all or none',
  description:
    'JSON only, up to 4 MiB, or 1 MiB with the `apikey` in it. Errors name the job by its place: `jobs[3][uri]`.',
  body: BatchParameters,
  responses: { 200: success({ jobs: Type.Array(JobEcho) }) },
  errors: ['rate_limited', 'conflict'],
})

export const previewDefinition = defineRoute({
  ...write,
  method: 'post',
  path: '/jobs/preview.json',
  operationId: 'previewJob',
  summary: 'Show what a job would send, when, and whether its target is allowed',
  description: `Nothing is created. ${PASSING}`,
  changesNothing: true,
  body: JobParameters,
  takesForms: true,
  responses: { 200: success({ preview: Preview }) },
})

export const listDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/jobs.json',
  operationId: 'listJobs',
  summary: 'List jobs, newest first',
  description:
    'Ids, or with `details` the jobs themselves. What a page carries of their bodies is bounded to a MiB: each job has its share of it, of a larger body its beginning is shown, and `truncated` says so.',
  query: ListQuery,
  responses: { 200: success({ jobs: Type.Array(Type.Union([Type.String(), Job])) }) },
})

export const getDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/jobs/{id}.json',
  operationId: 'getJob',
  summary: 'Get a job',
  description:
    'Finished jobs, failed ones too, are kept for a time (90 days, unless the operator chose another), then they are not found any more.',
  params: JobParams,
  responses: { 200: success({ job: Job }) },
  errors: ['not_found'],
})

export const updateDefinition = defineRoute({
  ...write,
  method: 'put',
  path: '/jobs/{id}.json',
  operationId: 'updateJob',
  summary: 'Change a job',
  description: `What is left out stays. Clients that cannot send PUT send POST with \`_method=PUT\`. With \`If-Match\` only the job that was seen is changed; a job that has begun never is. ${PASSING}`,
  takesIfMatch: true,
  params: JobParams,
  body: JobParameters,
  takesForms: true,
  callbacks: outgoingRequests,
  responses: { 200: success({ job: JobEcho }) },
  errors: ['not_found', 'conflict'],
})

export const deleteDefinition = defineRoute({
  ...write,
  method: 'delete',
  path: '/jobs/{id}.json',
  operationId: 'deleteJob',
  summary: 'Delete a job that has not begun',
  description: 'Clients that cannot send DELETE send POST with `_method=DELETE`.',
  takesIfMatch: true,
  params: JobParams,
  responses: { 200: success({ message: Type.String() }) },
  errors: ['not_found', 'conflict'],
})

export const attemptsDefinition = defineRoute({
  ...read,
  method: 'get',
  path: '/jobs/{id}/attempts.json',
  operationId: 'listJobAttempts',
  summary: 'Every request made for a job, callbacks too, newest first',
  description:
    'By the page. What a page carries of bodies is bounded: ten attempts show all that is kept of theirs (64 KiB each, unless the operator chose otherwise), a hundred show an eighth; `truncated` says where there was more.',
  params: JobParams,
  query: AttemptsQuery,
  responses: { 200: success({ attempts: Type.Array(Attempt) }) },
  errors: ['not_found'],
})

const command = (name: string, operationId: string, summary: string, description: string) =>
  defineRoute({
    ...write,
    method: 'post',
    path: `/jobs/{id}/${name}.json`,
    operationId,
    summary,
    description,
    takesIfMatch: true,
    params: JobParams,
    responses: { 200: success({ job: Job }) },
    errors: ['not_found', 'conflict'],
  })

export const runDefinition = command(
  'run',
  'runJob',
  "Send a job's request now, also once more after it has finished",
  'Before its time, before its next retry, or as a new run. A paused job is not paused any more; a recurring one goes on by its rule after this run.',
)
export const cancelDefinition = command(
  'cancel',
  'cancelJob',
  'End a job: no more requests, no more retries',
  'A request that is under way is not broken off, but it is the last one. Of a job that has finished the retries of its callbacks are ended, as long as there are any to come.',
)
export const pauseDefinition = command(
  'pause',
  'pauseJob',
  'Keep a job from being sent until it is resumed',
  'A job that has begun, or that is being tried again, cannot be paused. To run it takes it up again.',
)
export const resumeDefinition = command(
  'resume',
  'resumeJob',
  'Take up a paused job',
  'A recurring one at the next time of its rule, which its `at` is then; another one at its own time or, when that has passed, now.',
)
