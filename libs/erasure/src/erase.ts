import type { ErasurePartEvents } from '@platform/contracts/erasure.ts'
import { purgeBatch } from '@platform/db/purge-batch.ts'
import { readByIndex } from '@platform/db/read-by-index.ts'
import { type Cause, publish } from '@platform/events/outbox.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { holdOffActor, noteErased } from './erased.ts'
import { type ErasureJob, type ErasureTables, tablesOf } from './jobs.ts'

/** What a step is to do. */
export interface Batch {
  /** Whose data goes. */
  userId: string
  /** How many records at most. */
  limit: number
  /** Without an actor: their id stays out of what is published. */
  cause: Cause
}

/**
 * Erases some of what is left of one kind. What is left is read from the data itself, so that nothing has to be
 * remembered between two batches.
 *
 * @returns how many records it found; 0: none of its kind is left
 */
export type Step<T> = (trx: Transaction<T>, batch: Batch) => Promise<number>

/** A step's answer when it has nothing to erase before other work of the service, such as a purge of files, has gone on. */
export const WAITING = 'waiting'

/**
 * As `Step`, for data that other work of the service has to delete first. While it answers `WAITING`, the steps after it
 * run, but the part is not complete.
 */
export type WaitingStep<T> = (trx: Transaction<T>, batch: Batch) => Promise<number | typeof WAITING>

/** How far a service is with its part, after a batch. */
export interface Progress {
  erasureId: string
  /** How many records have gone, in all. */
  erased: number
  version: number
  isComplete: boolean
}

/** Tells others how far the part is, in the transaction of the batch. */
export type Report<T> = (trx: Transaction<T>, progress: Progress, cause: Cause) => Promise<void>

export interface Eraser<T extends ErasureTables> {
  db: Kysely<T>
  clock: () => Date
  batchSize: number
  /** In the order in which things go. */
  steps: WaitingStep<T>[]
  report: Report<T>
}

/**
 * One batch of one erasure, the longest untouched first: a transaction of its own, so that a crash loses no more than
 * that. Any number of these may run at once.
 *
 * @returns false when there is nothing to do
 */
export async function eraseOnce<T extends ErasureTables>({ db, ...part }: Eraser<T>): Promise<boolean> {
  let job: ErasureJob | undefined
  try {
    return await db.transaction().execute(async (trx) => {
      job = await claim(trx)
      if (job) await eraseBatch(trx, job, part)
      return job !== undefined
    })
  } catch (error) {
    // It goes to the end of the line, so that it does not keep others waiting for their turn.
    const failed = job
    if (failed) await db.transaction().execute((trx) => postpone(trx, failed))
    throw error
  }
}

/** How long a job rests whose steps wait for other work. Other jobs have their turn meanwhile. */
const LOOK_AGAIN_MS = 500

function claim<T extends ErasureTables>(trx: Transaction<T>): Promise<ErasureJob | undefined> {
  return (
    tablesOf(trx)
      .selectFrom('erasure_job')
      .selectAll()
      // A job that waits is due again later.
      .where('worked_on_at', '<=', sql<Date>`clock_timestamp()`)
      .orderBy('worked_on_at')
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst()
  )
}

async function eraseBatch<T extends ErasureTables>(
  trx: Transaction<T>,
  job: ErasureJob,
  { clock, batchSize, steps, report }: Omit<Eraser<T>, 'db'>,
): Promise<void> {
  await holdOffActor(trx, job.user_id)
  const cause: Cause = { at: clock(), traceparent: job.traceparent ?? undefined }
  const found = await runFirst(trx, steps, { userId: job.user_id, limit: batchSize, cause })
  // Nothing has happened, so there is nothing to report.
  if (found === WAITING) return postpone(trx, job, LOOK_AGAIN_MS)
  const progress = {
    erasureId: job.erasure_id,
    erased: job.erased + found,
    version: job.version + 1,
    isComplete: found === 0,
  }
  await report(trx, progress, cause)
  if (progress.isComplete) {
    // Clocks differ: what they did before they asked is gone whatever ours says.
    await noteErased(trx, job.user_id, later(job.requested_at, cause.at))
    await tablesOf(trx).deleteFrom('erasure_job').where('erasure_id', '=', job.erasure_id).execute()
    return
  }
  await tablesOf(trx)
    .updateTable('erasure_job')
    .set({ erased: progress.erased, version: progress.version, worked_on_at: sql`clock_timestamp()` })
    .where('erasure_id', '=', job.erasure_id)
    .execute()
}

const later = (one: Date | null, other: Date): Date => (one && one > other ? one : other)

/** One step a transaction: each takes its locks in the order of ordinary commands, and holds no others. */
async function runFirst<T>(
  trx: Transaction<T>,
  steps: WaitingStep<T>[],
  batch: Batch,
): Promise<number | typeof WAITING> {
  let isWaiting = false
  for (const step of steps) {
    const found = await runStep(trx, step, batch)
    if (found === WAITING) isWaiting = true
    else if (found > 0) return found
  }
  return isWaiting ? WAITING : 0
}

/** One batch of one step. */
export async function runStep<T>(
  trx: Transaction<T>,
  step: WaitingStep<T>,
  batch: Batch,
): Promise<number | typeof WAITING> {
  await readByIndex(trx)
  return step(trx, batch)
}

/** Moves a job to the end of the line, or has it wait for longer. */
async function postpone<T extends ErasureTables>(trx: Transaction<T>, job: ErasureJob, delayMs = 0): Promise<void> {
  await tablesOf(trx)
    .updateTable('erasure_job')
    .set({ worked_on_at: sql`clock_timestamp() + ${delayMs} * interval '1 millisecond'` })
    .where('erasure_id', '=', job.erasure_id)
    .execute()
}

/** Reports by events of the service: progress with each batch, and the end. */
export function reportByEvent<T extends ErasureTables>(events: ErasurePartEvents, source: string): Report<T> {
  return async (trx, { erasureId, erased, version, isComplete }, cause) => {
    const type = isComplete ? events.completed : events.progressed
    const completedAt = isComplete ? cause.at.toISOString() : undefined
    const data = { erasureId, erased, completedAt }
    await publish(trx, type, { source, subject: erasureId, entityVersion: version, data }, cause)
  }
}

/** The step for rows that only have to go: at most a batch of those where `column` names the person. */
export function purge<T>(table: string, column: string): Step<T> {
  return (trx, { userId, limit }) => purgeBatch(trx, table, sql`${sql.ref(column)} = ${userId}`, limit)
}

/** The last step of every service: answers that were kept for a repetition of the person's own requests. */
export const purgeKeptAnswers = <T>(): Step<T> => purge('idempotency_key', 'owner')
