import type { JobSecrets } from '../secrets/job-secrets.ts'
import { buildRequest, type OutgoingRequest, requestId } from '../sending/build-request.ts'
import type { Task } from './task.ts'

/** What a request needs is sealed with another key, or is damaged. */
export class SecretsUnreadable extends Error {
  override readonly name = 'SecretsUnreadable'

  constructor(options: ErrorOptions) {
    super('its secrets could not be read', options)
  }
}

/**
 * The request of a task that has begun, with its secrets opened.
 *
 * @throws SecretsUnreadable when they do not open
 */
export function requestOf(task: Task, secrets: JobSecrets, now: Date): OutgoingRequest {
  const { jobId, run, callbackId, attempts } = task
  const plan = { ...task, id: requestId(jobId, run, callbackId), attempt: attempts, ...open(task, secrets) }
  return buildRequest(plan, now)
}

function open({ jobId, accountId, headers, secrets: sealed }: Task, secrets: JobSecrets) {
  try {
    return {
      headers: headers && secrets.openHeaders(jobId, headers),
      secrets: sealed.map((secret) => secrets.openSigning(accountId, secret)),
    }
  } catch (error) {
    throw new SecretsUnreadable({ cause: error })
  }
}
