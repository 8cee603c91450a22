import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { isUnavailable } from '@platform/db/database.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Db } from '../db/schema.ts'
import type { JobSecrets } from '../secrets/job-secrets.ts'
import type { Sent } from '../sending/answer.ts'
import type { Sender } from '../sending/sender.ts'
import { attempt } from './attempt.ts'
import { Batcher } from './batcher.ts'
import { Claimer } from './claimer.ts'
import { begin, handBack } from './claims.ts'
import { DueHeap } from './due-heap.ts'
import { Gate } from './gate.ts'
import { type LaneLimits, Lanes } from './lanes.ts'
import { Leases } from './leases.ts'
import { decide, type Outcome } from './outcome.ts'
import { recordBatch } from './record-batch.ts'
import type { Task } from './task.ts'
import type { Time } from './time.ts'

export interface EngineOptions {
  db: Db
  time: Time
  sender: Sender
  secrets: JobSecrets
  log: Logger
  /** How often to look without a hint. */
  pollMs: number
  /** How far ahead things are claimed. */
  horizonMs: number
  leaseMs: number
  claimBatch: number
  limits: LaneLimits
  /** Is told of every request that was made. */
  onOutcome?: (outcome: Outcome) => void
  /** Called after commits that have put events into the outbox. */
  onPublished?: () => void
  /** From 0 to 1. */
  random?: () => number
}

const WRITE_BATCH = 500
const GATHER_MS = 8
const AGAIN_MS = 200

/**
 * Sends what is due. It claims ahead of time, keeps what it has claimed in memory, and sends each thing at its moment, as
 * far as the limits allow. Any number of engines work on one queue; the database decides which row is whose.
 */
export class Engine {
  /** Names this engine in the queue; a new one for each life. */
  readonly id = randomUUID()
  readonly #options: EngineOptions
  readonly #heap = new DueHeap<Task>()
  readonly #gate: Gate
  readonly #lanes: Lanes<Task>
  readonly #leases: Leases
  readonly #claimer: Claimer
  readonly #beginning: Batcher<Task, Date | undefined>
  readonly #recording: Batcher<Outcome, boolean>
  readonly #capacity: number
  readonly #busy = new Set<Promise<void>>()
  #nextLook = () => {}
  #nextFire = () => {}
  #isLooking = false
  #isWoken = false
  /** There was more to claim than there was room for. */
  #hasMore = false
  #isStopping = false
  #isGivenUp = false

  constructor(options: EngineOptions) {
    this.#options = options
    const { db, time, limits, claimBatch, horizonMs, leaseMs, log } = options
    this.#capacity = Math.max(2 * claimBatch, 4 * limits.total)
    this.#gate = new Gate(limits.perHost)
    this.#lanes = new Lanes(
      limits,
      (task) => this.#track(this.#send(task)),
      (host) => this.#gate.aheadFor(host),
    )
    this.#leases = new Leases({ db, time, leaseMs, log, holder: this.id })
    this.#claimer = new Claimer({ db, holder: this.id, horizonMs, leaseMs, batch: claimBatch, limits })
    this.#beginning = new Batcher((tasks) => this.#begin(tasks), WRITE_BATCH)
    this.#recording = new Batcher((outcomes) => this.#record(outcomes), WRITE_BATCH, GATHER_MS)
  }

  /** How many are under way, by target. */
  runningByHost(): ReadonlyMap<string, number> {
    return this.#gate.runningByHost()
  }

  start(): void {
    this.#leases.start()
    this.wake()
  }

  /** Looks now: something may be due before the next look. May be called too often. */
  wake(): void {
    if (this.#isStopping) return
    this.#isWoken = true
    if (!this.#isLooking) this.#track(this.#look())
  }

  /** Gives back what was not begun, and lets what is under way finish, for as long as the grace lasts. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true
    this.#nextLook()
    this.#nextFire()
    const grace = setTimeout(() => this.#leases.abandon(new Error('the scheduler stopped meanwhile')), graceMs)
    const end = setTimeout(() => {
      this.#isGivenUp = true
    }, graceMs + 2_000)
    await this.#giveBack([...this.#heap.clear(), ...this.#lanes.clear()])
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy)
    // A look that was under way has claimed something meanwhile.
    await this.#giveBack([...this.#heap.clear(), ...this.#lanes.clear()])
    clearTimeout(grace)
    clearTimeout(end)
    this.#leases.stop()
  }

  #track(work: Promise<void>): void {
    this.#busy.add(work)
    void work.finally(() => this.#busy.delete(work))
  }

  async #look(): Promise<void> {
    const { time, pollMs } = this.#options
    this.#isLooking = true
    this.#nextLook()
    let lookedAt = time.now()
    while (this.#isWoken && !this.#isStopping) {
      this.#isWoken = false
      lookedAt = time.now()
      try {
        await this.#claim()
      } catch (error) {
        this.#options.log.warn('due jobs could not be claimed', { error })
      }
    }
    this.#isLooking = false
    if (this.#isStopping) return
    // Counted from its begin: what has become due while a look took its time is not left for a whole poll more.
    this.#nextLook = time.alarm(lookedAt + pollMs, () => this.wake())
  }

  async #claim(): Promise<void> {
    const { time, leaseMs } = this.#options
    if (this.#lanes.waiting > this.#capacity / 2) await this.#giveBack(this.#lanes.trim())
    const room = this.#lanes.room()
    const most = Math.min(this.#capacity - this.#leases.size, room.total)
    this.#hasMore = most <= 0
    if (most <= 0) return
    const now = time.now()
    const { tasks, isMoreToTake } = await this.#claimer.claim(now, most, room)
    this.#hasMore = isMoreToTake
    for (const task of tasks) {
      this.#leases.hold(task, now + leaseMs)
      if (task.lapsedAt) this.#track(this.#noteLapse(task, task.lapsedAt))
      else if (task.isBegun) this.#lanes.enter(task)
      else this.#heap.push(task)
    }
    this.#fire()
    this.#lookAgainWithRoom()
  }

  /** Takes on more as soon as there is room, where there is more. @param done what has made room */
  #lookAgainWithRoom(done?: Task): void {
    if (this.#leases.size >= this.#capacity / 2) return
    const wasCut = done && (this.#claimer.wasCut(done.host) || this.#claimer.wasCut(done.accountId))
    if (this.#hasMore || (wasCut && this.#lanes.hasRoomAgain(done))) this.wake()
  }

  /** Sends what has become due, and sets the alarm for what comes next. */
  #fire(): void {
    const { time } = this.#options
    this.#nextFire()
    if (this.#isStopping) return
    let next = this.#heap.peek()
    while (next && next.dueAt.getTime() <= time.now()) {
      this.#heap.pop()
      this.#lanes.enter(next)
      next = this.#heap.peek()
    }
    if (next) this.#nextFire = time.alarm(next.dueAt.getTime(), () => this.#fire())
  }

  async #send(task: Task): Promise<void> {
    const { log, random = Math.random } = this.#options
    let sent: Sent | undefined
    try {
      const isBegun = task.isBegun || (await this.#beginOne(task))
      if (isBegun) sent = await this.#gate.pass(task.host, () => attempt(task, this.#leases, this.#options))
    } catch (error) {
      // The row is ours until its lease ends; then whoever takes it finds out how far it had come.
      log.warn('a job could not be begun', { jobId: task.jobId, error })
    } finally {
      this.#lanes.leave(task)
    }
    if (sent) await this.#settle({ task, sent, verdict: decide(task, sent, random()) })
    else this.#leases.release(task)
    this.#lookAgainWithRoom(task)
  }

  /** @returns whether it is still ours */
  async #beginOne(task: Task): Promise<boolean> {
    // Whoever takes it next would find that it had begun.
    if (!this.#leases.maySend(task)) return false
    const begunAt = await this.#beginning.add(task)
    if (!begunAt) return false
    task.firstAt ??= begunAt
    task.attempts++
    return true
  }

  /** A former holder began it and vanished: nobody knows how it went, and it is made again at once. */
  async #noteLapse(task: Task, begunAt: Date): Promise<void> {
    const { time, log, random = Math.random } = this.#options
    log.warn('a request was under way when its sender vanished', { jobId: task.jobId })
    const sent: Sent = {
      sentAt: begunAt,
      firstByteAt: null,
      endedAt: new Date(time.now()),
      address: null,
      result: { kind: 'unknown', error: 'its sender vanished while it was under way' },
    }
    await this.#settle({ task, sent, verdict: decide(task, sent, random()) })
    this.wake()
  }

  /** Writes down how a request went, for as long as it takes. */
  async #settle(outcome: Outcome): Promise<void> {
    const { log, onOutcome, horizonMs, time } = this.#options
    const { task, verdict } = outcome
    onOutcome?.(outcome)
    try {
      while (!this.#isGivenUp) {
        try {
          const isOurs = await this.#recording.add(outcome)
          if (!isOurs) log.warn('an outcome came too late: the job is with another engine', { jobId: task.jobId })
          break
        } catch (error) {
          if (!isUnavailable(error)) throw error
          await pause(AGAIN_MS)
        }
      }
    } catch (error) {
      log.error('an outcome could not be written', { jobId: task.jobId, error })
    } finally {
      this.#leases.release(task)
    }
    const isSoon = verdict.kind === 'retry' && verdict.at.getTime() <= time.now() + horizonMs
    const hasCallback = verdict.kind === 'succeeded' ? task.callbackUri : task.failureCallbackUri
    if (isSoon || (verdict.kind !== 'retry' && hasCallback)) this.wake()
  }

  async #begin(tasks: Task[]): Promise<(Date | undefined)[]> {
    const { db, time } = this.#options
    const now = new Date(time.now())
    const ours = await begin(db, { holder: this.id, tasks }, now)
    return tasks.map(({ id }) => (ours.has(id) ? now : undefined))
  }

  async #record(outcomes: Outcome[]): Promise<boolean[]> {
    const { db, time, log, onPublished } = this.#options
    const written = await recordBatch(db, this.id, outcomes, { now: new Date(time.now()), log })
    if (outcomes.some(({ verdict }) => verdict.kind !== 'retry')) onPublished?.()
    return written
  }

  async #giveBack(tasks: Task[]): Promise<void> {
    if (tasks.length === 0) return
    for (const task of tasks) this.#leases.release(task)
    const { db, time } = this.#options
    try {
      await handBack(db, { holder: this.id, tasks }, new Date(time.now()))
    } catch (error) {
      this.#options.log.warn('jobs could not be given back; their leases will end', { error })
    }
  }
}
