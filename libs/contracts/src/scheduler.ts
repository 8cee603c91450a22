import { defineEvent } from '@platform/events/event-type.ts'
import { type Static, Type } from 'typebox'
import { DateTime, OneOf, Uuid } from './shapes.ts'

/** What others may know of a job. Its address, headers and body are its owner's affair: they may hold secrets. */
export const JobState = Type.Object({
  id: Type.String({ description: 'Letters and digits.' }),
  accountId: Uuid,
  method: Type.String(),
  host: Type.String({ description: 'Name and port of the target.' }),
  status: OneOf(['succeeded', 'failed']),
  run: Type.Integer({ minimum: 1, description: 'Counts how often the job was begun anew.' }),
  attempts: Type.Integer({ minimum: 1, description: 'Requests made in this run.' }),
  statusCode: Type.Optional(Type.Integer({ description: 'Of the last answer, where there was one.' })),
  dueAt: DateTime,
  finishedAt: DateTime,
  nextRunAt: Type.Optional({ ...DateTime, description: 'Of a recurring job.' }),
})
export type JobState = Static<typeof JobState>

const jobEvent = (what: string, description: string) =>
  defineEvent({ type: `scheduler.job.${what}`, topic: 'scheduler.job', description, data: JobState })

export const jobFinished = jobEvent('finished', "A job's request was answered with success.")
export const jobFailed = jobEvent('failed', "A job's last retry has failed.")

export const schedulerEvents = [jobFinished, jobFailed]

/** Largest body of a batch of jobs: a thousand of 4 KiB. */
const BATCH_BYTES = 4_194_304
const BATCH_PATH = /^\/jobs\/batch(?:\.json)?$/
const JSON_TYPE = /^\s*(?:application|text)\/json\s*(?:;|$)/i

/**
 * How large a body under `/jobs` may be, for whoever reads it: the gateway, which looks for an API key in it, and the
 * scheduler.
 *
 * @param usual BODY_LIMIT_BYTES, for all but batches in JSON
 * @returns bytes
 */
export function jobBodyLimit(path: string, contentType: string | undefined, usual: number): number {
  const isBatch = BATCH_PATH.test(path) && contentType !== undefined && JSON_TYPE.test(contentType)
  return isBatch ? Math.max(usual, BATCH_BYTES) : usual
}
