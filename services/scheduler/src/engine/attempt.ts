import type { Logger } from '@platform/log/logger.ts'
import type { JobSecrets } from '../secrets/job-secrets.ts'
import type { SendResult, Sent } from '../sending/answer.ts'
import { messageOf } from '../sending/exchange.ts'
import type { Sender } from '../sending/sender.ts'
import type { Leases } from './leases.ts'
import { requestOf } from './request-of.ts'
import type { Task } from './task.ts'
import type { Time } from './time.ts'

export interface AttemptOptions {
  sender: Sender
  secrets: JobSecrets
  time: Time
  log: Logger
}

/** Sends the request of a task that has begun, if that is still the engine's. Never throws. */
export function attempt(task: Task, leases: Leases, options: AttemptOptions): Promise<Sent> | Sent {
  const { sender, secrets, time, log } = options
  const now = new Date(time.now())
  if (!leases.maySend(task)) return unsent(now, { kind: 'unknown', error: 'the lease was lost' })
  try {
    const exchange = sender.send(requestOf(task, secrets, now))
    leases.begin(task, exchange)
    return exchange.sent
  } catch (error) {
    // With another key, or a mended row, a later try may do better.
    const cause = error instanceof Error ? error.cause : undefined
    log.error('a request could not be made', { jobId: task.jobId, error, cause })
    return unsent(now, { kind: 'failed', error: messageOf(error) })
  }
}

function unsent(at: Date, result: SendResult): Sent {
  return { sentAt: at, firstByteAt: null, endedAt: at, address: null, result }
}
