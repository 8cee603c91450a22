import { runCommand, runPrepared } from '@platform/http/idempotency.ts'
import { type Route, route } from '@platform/http/route.ts'
import type { Db, Tx } from '../db/schema.ts'
import type { JobSecrets } from '../secrets/job-secrets.ts'
import type { TargetGuard } from '../sending/target-guard.ts'
import { zoneOf } from '../settings/settings.ts'
import { listAttempts } from './attempts.ts'
import { allFaults, faultsOfTargets, refuseFaults } from './check-targets.ts'
import { CronRules } from './cron.ts'
import * as definitions from './definitions.ts'
import { getJob, listJobIds, listJobs } from './find-jobs.ts'
import { etagOf, type QueuedJobRow, toEcho, toJob } from './job-view.ts'
import { type CommandContext, cancelJob, changeJob, createJobs, deleteJob, lockJob, runJob } from './jobs.ts'
import { pauseJob, resumeJob } from './pausing.ts'
import { previewJob } from './preview.ts'
import { isComplete, type JobWish, type NewJobWish, type ReadContext, readJob, readJobs } from './read-job.ts'
import type { JobInput } from './shapes.ts'

export interface JobRouteDeps {
  db: Db
  /** The time as engines know it. */
  now: () => Date
  guard: TargetGuard
  horizonMs: number
  quota: number
  secrets: JobSecrets
}

/** What an account's words are understood by, whichever job they are about. */
type Reading = Omit<ReadContext, 'standing'>

type Command = (trx: Tx, context: CommandContext, job: QueuedJobRow) => Promise<QueuedJobRow>

/** Jobs, and what can be done with them. */
export function jobRoutes({ db, now, guard, horizonMs, quota, secrets }: JobRouteDeps): Route[] {
  const contextOf = (accountId: string): CommandContext => ({ accountId, now: now(), horizonMs, quota, secrets })

  const readingOf = async (accountId: string): Promise<Reading> => ({
    zone: await zoneOf(db, accountId),
    now: now(),
    rules: new CronRules(),
  })

  /** @throws ParameterError */
  const readNew = async (accountId: string, inputs: JobInput[], nameOf: (i: number, name: string) => string) => {
    const read = await readJobs(inputs, await readingOf(accountId))
    const targets = await faultsOfTargets(
      guard,
      read.map(({ wish }) => wish),
    )
    const faults = read.flatMap(({ faults }, i) =>
      Object.entries(allFaults(faults, targets[i])).map(([name, message]) => [nameOf(i, name), message]),
    )
    refuseFaults(Object.fromEntries(faults))
    return read.map(({ wish }) => complete(wish))
  }

  /**
   * Refuses a change that is wrong, before anything is locked: it asks the name servers.
   *
   * @returns what its words are understood by
   * @throws ParameterError
   */
  const checkChange = async (accountId: string, input: JobInput, job: QueuedJobRow) => {
    const reading = await readingOf(accountId)
    const { wish, faults } = readJob(input, { ...reading, standing: job })
    const [targets] = await faultsOfTargets(guard, [wish])
    refuseFaults(allFaults(faults, targets))
    return reading
  }

  const commandRoute = (definition: typeof definitions.runDefinition, command: Command): Route =>
    route(definition, async (request) =>
      runCommand(db, request, async (trx) => {
        const job = await lockJob(trx, request.caller.userId, request.params.id, request.headers['if-match'])
        const changed = await command(trx, contextOf(request.caller.userId), job)
        return { status: 200, headers: { ETag: etagOf(changed) }, body: { success: { job: toJob(changed) } } }
      }),
    )

  return [
    route(definitions.batchDefinition, async (request) => {
      const accountId = request.caller.userId
      const prepare = () => readNew(accountId, request.body.jobs, (i, name) => `jobs[${i}][${name}]`)
      const create = async (trx: Tx, wishes: NewJobWish[]) => {
        const jobs = await createJobs(trx, contextOf(accountId), wishes)
        return { status: 200 as const, body: { success: { jobs: jobs.map(toEcho) } } }
      }
      return runPrepared(db, request, prepare, create)
    }),
    route(definitions.previewDefinition, async ({ caller, body }) => {
      const reading = await readingOf(caller.userId)
      const { wish, faults } = readJob(body.job ?? {}, reading)
      refuseFaults(faults)
      const preview = await previewJob(guard, complete(wish), reading.zone)
      return { status: 200, body: { success: { preview } } }
    }),
    route(definitions.createDefinition, async (request) => {
      const accountId = request.caller.userId
      const prepare = () => readNew(accountId, [request.body.job ?? {}], (_, name) => name)
      const create = async (trx: Tx, wishes: NewJobWish[]) => {
        const [job] = await createJobs(trx, contextOf(accountId), wishes)
        if (!job) throw new Error('No job was created.')
        return { status: 200 as const, headers: { ETag: etagOf(job) }, body: { success: { job: toEcho(job) } } }
      }
      return runPrepared(db, request, prepare, create)
    }),
    route(definitions.listDefinition, async ({ caller, query }) => {
      const jobs = query.details
        ? (await listJobs(db, caller.userId, query)).map(toJob)
        : await listJobIds(db, caller.userId, query)
      return { status: 200, body: { success: { jobs } } }
    }),
    route(definitions.getDefinition, async ({ caller, params }) => {
      const job = await getJob(db, caller.userId, params.id)
      return { status: 200, headers: { ETag: etagOf(job) }, body: { success: { job: toJob(job) } } }
    }),
    route(definitions.updateDefinition, async (request) => {
      const { caller, params, body, headers } = request
      const input = body.job ?? {}
      const prepare = async () => checkChange(caller.userId, input, await getJob(db, caller.userId, params.id))
      const change = async (trx: Tx, reading: Reading) => {
        const job = await lockJob(trx, caller.userId, params.id, headers['if-match'])
        // Another edit may have come first: what counts is the job as it stands now.
        const { wish, faults } = readJob(input, { ...reading, standing: job })
        refuseFaults(allFaults(faults))
        const changed = await changeJob(trx, contextOf(caller.userId), job, wish)
        return { status: 200 as const, headers: { ETag: etagOf(changed) }, body: { success: { job: toEcho(changed) } } }
      }
      return runPrepared(db, request, prepare, change)
    }),
    route(definitions.deleteDefinition, async (request) =>
      runCommand(db, request, async (trx) => {
        const job = await lockJob(trx, request.caller.userId, request.params.id, request.headers['if-match'])
        await deleteJob(trx, contextOf(request.caller.userId), job)
        return { status: 200, body: { success: { message: 'Job deleted' } } }
      }),
    ),
    route(definitions.attemptsDefinition, async ({ caller, params, query }) => {
      await getJob(db, caller.userId, params.id)
      return { status: 200, body: { success: { attempts: await listAttempts(db, params.id, query) } } }
    }),
    commandRoute(definitions.runDefinition, runJob),
    commandRoute(definitions.cancelDefinition, cancelJob),
    commandRoute(definitions.pauseDefinition, pauseJob),
    commandRoute(definitions.resumeDefinition, resumeJob),
  ]
}

function complete(wish: JobWish): NewJobWish {
  if (!isComplete(wish)) throw new Error('A wish without a fault lacks something.')
  return wish
}
