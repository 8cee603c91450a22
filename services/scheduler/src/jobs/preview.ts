import { retryTable } from '../engine/retries.ts'
import { buildRequest } from '../sending/build-request.ts'
import type { TargetGuard } from '../sending/target-guard.ts'
import { formatJobTime } from './at.ts'
import { nextOccurrence } from './cron.ts'
import { redacted } from './job-view.ts'
import type { NewJobWish } from './read-job.ts'
import type { Preview } from './shapes.ts'
import { hostOf, normalised } from './uri.ts'

const LOOKUP_MS = 2_000
const RUNS_SHOWN = 5

/** What a job would send, when, when again, and whether its target is allowed; nothing is stored. */
export async function previewJob(guard: TargetGuard, wish: NewJobWish, zone: string): Promise<Preview> {
  const { instant } = wish.time
  const plan = {
    id: 'job_ID_1',
    method: wish.method,
    uri: normalised(wish.uri),
    headers: wish.headers ? redacted(Object.keys(wish.headers)) : null,
    body: wish.body ?? null,
    dueAt: instant,
    attempt: 1,
    secrets: [],
  }
  const request = buildRequest(plan, instant)
  const { addresses, refusal } = await guard.check(wish.uri.hostname, LOOKUP_MS)
  return {
    request: {
      ...request,
      headers: { ...request.headers, 'webhook-signature': '[made when it is sent]' },
      body: request.body ?? undefined,
    },
    at: formatJobTime(wish.time),
    instant: instant.toISOString(),
    retries: retryTable(instant, wish.retryLimit ?? 0).map((at) => at.toISOString()),
    next_runs: wish.cron ? runsAfter(wish.cron, wish.timezone ?? zone, instant) : undefined,
    target: { host: hostOf(wish.uri), addresses, allowed: refusal === undefined, rule: refusal },
  }
}

function runsAfter(rule: string, zone: string, first: Date): string[] {
  const runs: string[] = []
  let last: Date | undefined = first
  while (last && runs.length < RUNS_SHOWN) {
    last = nextOccurrence(rule, zone, last)
    if (last) runs.push(last.toISOString())
  }
  return runs
}
