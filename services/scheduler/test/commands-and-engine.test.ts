import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Account, type Scheduler, startScheduler } from './harness.ts'
import { oneAfterAnother } from './one-after-another.ts'
import { startTarget, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  // Renewals would wait for the locked rows, too.
  scheduler = await startScheduler({ env: { LEASE_MS: '3600000' } })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const GONE = [404, undefined, 0, 0]

let paths = 0
/** Where a job's request goes, and where an edit has it go. */
function newPaths() {
  paths++
  return { old: `/old-${paths}`, new: `/new-${paths}` }
}

interface Subject {
  id: string
  paths: { old: string; new: string }
}

type Command = 'edit' | 'pause' | 'resume' | 'run' | 'cancel' | 'delete'

/** @returns the status of the answer */
async function ask({ id, paths }: Subject, command: Command): Promise<number> {
  const answer =
    command === 'edit'
      ? await ana.put(`/jobs/${id}.json`, { job: { uri: target.url + paths.new } })
      : command === 'delete'
        ? await ana.delete(`/jobs/${id}.json`)
        : await ana.post(`/jobs/${id}/${command}.json`)
  return answer.status
}

/** A job that is claimed, and due in a second. */
async function claimed(job: object = {}): Promise<Subject> {
  const paths = newPaths()
  const at = new Date(scheduler.time.now() + 1_000).toISOString()
  const id = await ana.schedule({ at, uri: target.url + paths.old, ...job })
  const due = Date.parse(String((await ana.job(id)).next_at))
  scheduler.time.advance(due - 1_000 - scheduler.time.now())
  await eventually(async () => {
    const rows = await scheduler.query('select from scheduler.queue where job_id = $1 and holder is not null', [id])
    expect(rows).toHaveLength(1)
  })
  return { id, paths }
}

/** A job that is claimed, and whose request will be answered when `end` is called with a status. */
async function claimedToWait(job: object = {}): Promise<Subject & { end: (status: number) => void }> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const subject = await claimed(job)
  target.answer(subject.paths.old, async (res) => res.writeHead(await promise).end())
  return { ...subject, end: resolve }
}

/** The same with its request under way. */
async function underWay(job: object = {}) {
  const subject = await claimedToWait(job)
  fallDue()
  await eventually(() => expect(target.at(subject.paths.old)).toHaveLength(1))
  return subject
}

const fallDue = () => scheduler.time.advance(1_000)

/** What has become of it: its status and run, and how many requests went to where it was to go, and to where it is now. */
async function stateOf({ id, paths }: Subject) {
  const { status, body } = await ana.get<{ success?: { job: { status: string; run: number } } }>(`/jobs/${id}.json`)
  const job = body.success?.job
  return [job?.status ?? status, job?.run, target.at(paths.old).length, target.at(paths.new).length]
}

/** That nothing is counted twice, or forgotten: what is waited for and the account's count of it are the same. */
async function expectCounted(): Promise<void> {
  const [counted] = await scheduler.query<{ active: number; queued: number }>(
    `select active_jobs as active, (select count(*)::int from scheduler.queue
       where queue.account_id = account_setting.account_id and callback_id is null) as queued
     from scheduler.account_setting where account_id = $1`,
    [ana.id],
  )
  expect(counted?.active).toBe(counted?.queued)
}

/** Waits for what becomes of it; then nothing that was to come is left. */
async function expectEnd(subject: Subject, expected: unknown[]): Promise<void> {
  await eventually(async () => {
    // An engine that has lost a row finds it again when it looks the next time. A retry is not to come yet.
    if (expected[0] !== 'retrying') scheduler.time.advance(500)
    expect(await stateOf(subject)).toEqual(expected)
  })
  await expectCounted()
}

/** The command, its answer, and what becomes of the job. */
type Row = [Command, answer: number, end: unknown[]]

describe('When a job falls due while a command is under way', () => {
  it.each<Row>([
    ['edit', 200, ['succeeded', 1, 0, 1]],
    ['pause', 200, ['paused', 1, 0, 0]],
    ['run', 200, ['succeeded', 1, 1, 0]],
    ['cancel', 200, ['canceled', 1, 0, 0]],
    ['delete', 200, GONE],
  ])('%s that comes first is what counts', async (command, answer, end) => {
    const subject = await claimed()
    const [status] = await oneAfterAnother(scheduler, subject.id, [() => ask(subject, command), fallDue])
    expect(status).toBe(answer)
    await expectEnd(subject, end)
  })

  it.each<Row>([
    ['edit', 409, ['succeeded', 1, 1, 0]],
    ['pause', 409, ['succeeded', 1, 1, 0]],
    ['run', 409, ['succeeded', 1, 1, 0]],
    ['cancel', 200, ['succeeded', 1, 1, 0]],
    ['delete', 409, ['succeeded', 1, 1, 0]],
  ])('%s that comes second comes too late', async (command, answer, end) => {
    const subject = await claimedToWait()
    const [, status] = await oneAfterAnother(scheduler, subject.id, [fallDue, () => ask(subject, command)])
    expect(status).toBe(answer)
    subject.end(200)
    await expectEnd(subject, end)
  })
})

describe('When a request ends while a command is under way', () => {
  const ONCE = {}
  const HOURLY = { cron: '0 * * * *' }
  type Ending = [job: object, Command, code: number, answer: number, end: unknown[]]

  it.each<Ending>([
    [ONCE, 'edit', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'pause', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'run', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'cancel', 500, 200, ['canceled', 1, 1, 0]],
    [ONCE, 'delete', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'cancel', 200, 200, ['succeeded', 1, 1, 0]],
    [HOURLY, 'edit', 200, 409, ['scheduled', 2, 1, 0]],
    [HOURLY, 'cancel', 500, 200, ['canceled', 1, 1, 0]],
    [HOURLY, 'cancel', 200, 200, ['succeeded', 1, 1, 0]],
  ])('%j: %s that comes first finds it under way (%i)', async (job, command, code, answer, end) => {
    const subject = await underWay(job)
    const finish = () => subject.end(code)
    const [status] = await oneAfterAnother(scheduler, subject.id, [() => ask(subject, command), finish])
    expect(status).toBe(answer)
    await expectEnd(subject, end)
  })

  it.each<Ending>([
    [ONCE, 'edit', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'pause', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'run', 500, 200, ['retrying', 1, 2, 0]],
    [ONCE, 'cancel', 500, 200, ['canceled', 1, 1, 0]],
    [ONCE, 'delete', 500, 409, ['retrying', 1, 1, 0]],
    [ONCE, 'edit', 200, 409, ['succeeded', 1, 1, 0]],
    [ONCE, 'pause', 200, 409, ['succeeded', 1, 1, 0]],
    [ONCE, 'run', 200, 200, ['succeeded', 2, 2, 0]],
    [ONCE, 'cancel', 200, 409, ['succeeded', 1, 1, 0]],
    [ONCE, 'delete', 200, 409, ['succeeded', 1, 1, 0]],
    [HOURLY, 'edit', 200, 200, ['scheduled', 2, 1, 0]],
    [HOURLY, 'pause', 200, 200, ['paused', 2, 1, 0]],
    [HOURLY, 'run', 200, 200, ['scheduled', 3, 2, 0]],
    [HOURLY, 'cancel', 200, 200, ['canceled', 2, 1, 0]],
    [HOURLY, 'delete', 200, 200, [404, undefined, 1, 0]],
  ])('%j: %s that comes second finds it ended (%i)', async (job, command, code, answer, end) => {
    const subject = await underWay(job)
    const finish = () => subject.end(code)
    const [, status] = await oneAfterAnother(scheduler, subject.id, [finish, () => ask(subject, command)])
    expect(status).toBe(answer)
    await expectEnd(subject, end)
  })
})

describe('Of two commands at the same time', () => {
  it.each<[before: Command | 'nothing', Command, Command, answers: number[], end: unknown[]]>([
    ['nothing', 'cancel', 'edit', [200, 409], ['canceled', 1, 0, 0]],
    ['nothing', 'cancel', 'cancel', [200, 409], ['canceled', 1, 0, 0]],
    ['nothing', 'cancel', 'delete', [200, 409], ['canceled', 1, 0, 0]],
    ['nothing', 'cancel', 'run', [200, 200], ['succeeded', 2, 1, 0]],
    ['nothing', 'edit', 'cancel', [200, 200], ['canceled', 1, 0, 0]],
    ['nothing', 'edit', 'delete', [200, 200], GONE],
    ['nothing', 'edit', 'run', [200, 200], ['succeeded', 1, 0, 1]],
    ['nothing', 'pause', 'edit', [200, 200], ['paused', 1, 0, 0]],
    ['nothing', 'pause', 'run', [200, 200], ['succeeded', 1, 1, 0]],
    ['nothing', 'pause', 'resume', [200, 200], ['succeeded', 1, 1, 0]],
    ['nothing', 'delete', 'edit', [200, 404], GONE],
    ['nothing', 'delete', 'run', [200, 404], GONE],
    ['nothing', 'delete', 'cancel', [200, 404], GONE],
    ['nothing', 'delete', 'delete', [200, 404], GONE],
    ['pause', 'resume', 'resume', [200, 409], ['succeeded', 1, 1, 0]],
    ['pause', 'resume', 'cancel', [200, 200], ['canceled', 1, 0, 0]],
    ['pause', 'cancel', 'resume', [200, 409], ['canceled', 1, 0, 0]],
    ['pause', 'edit', 'resume', [200, 200], ['succeeded', 1, 0, 1]],
  ])('after %s: %s, then %s', async (before, first, second, answers, end) => {
    const subject = await claimed()
    if (before !== 'nothing') expect(await ask(subject, before)).toBe(200)
    const asked = [first, second].map((command) => () => ask(subject, command))
    expect(await oneAfterAnother(scheduler, subject.id, asked)).toEqual(answers)
    await expectEnd(subject, end)
  })

  it('to run a job once more make as many runs as requests', async () => {
    const subject = await claimed()
    fallDue()
    await expectEnd(subject, ['succeeded', 1, 1, 0])
    const run = () => ask(subject, 'run')
    const answers = await oneAfterAnother(scheduler, subject.id, [run, run])
    // The first one's request may wait still, be under way, or have ended.
    expect([200, 409]).toContain(answers[1])
    await eventually(async () => {
      const [status, runs, requests] = await stateOf(subject)
      expect([status, requests]).toEqual(['succeeded', runs])
    })
    expect(answers[0]).toBe(200)
    await expectCounted()
  })
})
