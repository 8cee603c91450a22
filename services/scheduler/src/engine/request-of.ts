import type { JobSecrets } from '../secrets/job-secrets.ts'
import { buildRequest, type OutgoingRequest, requestId } from '../sending/build-request.ts'
import type { Task } from './task.ts'

/**
 * The request of a task that has begun, with its secrets opened.
 *
 * @throws Error when they do not open
 */
export function requestOf(task: Task, secrets: JobSecrets, now: Date): OutgoingRequest {
  const { jobId, accountId, run, callbackId, attempts } = task
  const plan = {
    ...task,
    id: requestId(jobId, run, callbackId),
    attempt: attempts,
    headers: task.headers && secrets.openHeaders(jobId, task.headers),
    secrets: task.secrets.map((secret) => secrets.openSigning(accountId, secret)),
  }
  return buildRequest(plan, now)
}
