import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { onServer } from '@platform/testing/server.ts'
import { explainAll, largeTables, mostReadBy, scansOf } from '@platform/testing/statements.ts'
import type { SchedulerTables, Tx } from '../src/db/schema.ts'
import { begin, claim, handBack, renew } from '../src/engine/claims.ts'
import { openEngineDatabase } from '../src/engine/database.ts'
import { countQueue } from '../src/engine/metrics.ts'
import type { Outcome } from '../src/engine/outcome.ts'
import { purgeSome } from '../src/engine/purge.ts'
import { recordEnds } from '../src/engine/record-ends.ts'
import type { Task } from '../src/engine/task.ts'
import { listAttempts } from '../src/jobs/attempts.ts'
import { getJob, listJobIds, listJobs } from '../src/jobs/find-jobs.ts'
import { cancelJob, deleteJob, lockJob } from '../src/jobs/jobs.ts'
import { JOB_STATUSES } from '../src/jobs/shapes.ts'
import { JobSecrets } from '../src/secrets/job-secrets.ts'

const JOBS = 150_000
const BATCH = 100
const NOW = new Date('2026-06-01T00:00:00Z')
const DAY_MS = 86_400_000
const account = (n: number) => `aaaaaaaa-0000-4000-8000-${n.toString(16).padStart(12, '0')}`

/**
 * Half of the first jobs are the first account's. Of a hundred, ninety have succeeded and six ended otherwise; what is
 * still to be sent is due from a day ago on, so that some thousand are due at once. As many again wait, of all others.
 */
const FILL = `
  insert into scheduler.account_setting (account_id, signing_secret)
  select ('aaaaaaaa-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'whsec_' || n from generate_series(0, 200) n;
  insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, status, created_at, updated_at, finished_at)
  select 'job' || lpad(n::text, 8, '0'),
    ('aaaaaaaa-0000-4000-8000-' || lpad(to_hex(case when n % 2 = 0 then 0 else n % 200 end), 12, '0'))::uuid,
    'http://yourapp.com:80/', 'POST', created_at, 0, status, created_at, created_at,
    case when status in ('succeeded', 'failed', 'canceled') then created_at end
  from (
    select n, '2026-06-01Z'::timestamptz - (${JOBS} - n) * interval '1 minute' as created_at,
      case when place < 90 then 'succeeded' when place < 94 then 'failed' when place < 96 then 'canceled'
        when place = 96 then 'paused' when place = 97 then 'retrying' else 'scheduled' end as status
    from (select n, (n / 2) % 100 as place from generate_series(1, ${JOBS}) n) numbered
  ) made;
  insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, status, created_at, updated_at)
  select 'waiting' || n, ('aaaaaaaa-0000-4000-8000-' || lpad(to_hex(1 + n % 200), 12, '0'))::uuid,
    'http://yourapp.com:80/', 'POST', '2026-06-01Z', 0, 'scheduled', '2026-05-01Z', '2026-05-01Z'
  from generate_series(1, ${JOBS}) n;
  insert into scheduler.queue (job_id, account_id, host, due_at, next_at)
  select id, account_id, 'host' || row_number() over () % 50, due_at, case when status <> 'paused' then due_at end
  from (
    select *, '2026-05-31Z'::timestamptz + row_number() over () * interval '1 minute' as due_at from scheduler.job
    where status in ('paused', 'retrying', 'scheduled') order by id
  ) waiting;
  insert into scheduler.attempt (id, job_id, kind, run, number, due_at, sent_at, ended_at, outcome, is_truncated)
  select gen_random_uuid(), id, 'request', 1, 1, created_at, created_at, created_at, 'succeeded', false
  from scheduler.job where status = 'succeeded';
  insert into scheduler.attempt (id, job_id, kind, run, number, due_at, sent_at, ended_at, outcome, is_truncated)
  select gen_random_uuid(), 'job00000199', 'request', n, 1, at, at, at, 'succeeded', false
  from (select n, '2026-05-01Z'::timestamptz + n * interval '1 second' as at from generate_series(1, 20000) n) often;
  vacuum analyze scheduler.job, scheduler.queue, scheduler.attempt`

const log = createLogger({ service: 'test', level: 'silent', format: 'json' })
let database: TestDatabase
let api: Database<SchedulerTables>
let engine: Database<SchedulerTables>
let large: Set<string>
beforeAll(async () => {
  database = await cloneDatabase()
  for (const statement of FILL.split(';')) await onServer(database.adminUrl, (client) => client.query(statement))
  const url = database.urlFor('scheduler')
  api = openDatabase<SchedulerTables>({ url, applicationName: 'test', log, statementTimeoutMs: 60_000 })
  engine = openEngineDatabase(url, log)
  large = await largeTables(api)
})
afterAll(async () => {
  await Promise.all([api.close(), engine.close()])
  await database.drop()
})

type Run = (trx: Tx) => Promise<unknown>

async function expectIndexes(on: Database<SchedulerTables>, run: Run, mostRows: number): Promise<void> {
  const explained = await explainAll(on, run)
  expect(explained.length).toBeGreaterThan(0)
  expect(explained.flatMap((one) => scansOf(one, large))).toEqual([])
  expect(explained.filter((one) => mostReadBy(one) > mostRows).map(({ text }) => text)).toEqual([])
}

const LARGEST = account(0)
const context = {
  accountId: LARGEST,
  now: NOW,
  horizonMs: 2_000,
  quota: 100_000,
  secrets: new JobSecrets(DEVELOPMENT_SECRET),
}
const A_SCHEDULED_JOB = 'job00000198'
const RECURRING = 'job00000199'

/** What clients ask for, and how many rows a step may read. */
const ASKED: [string, Run, mostRows?: number][] = [
  ['the newest jobs', (trx) => listJobs(trx, LARGEST, {})],
  ['a later page', (trx) => listJobs(trx, LARGEST, { page: 5, limit: 100 }), 1_000],
  ...JOB_STATUSES.map((status): [string, Run, number] => [
    `jobs that are ${status}`,
    (trx) => listJobs(trx, LARGEST, { status, limit: 10 }),
    // What an account has to be sent is looked through; that is bounded by its quota.
    status === 'scheduled' || status === 'running' ? 8_000 : 1_000,
  ]),
  ['failed jobs of a small account', (trx) => listJobs(trx, account(7), { status: 'failed' })],
  // Clients of the original service ask for all; they get 10,000 of them.
  ['ids of all jobs', (trx) => listJobIds(trx, LARGEST, {}), 15_000],
  ['a job', (trx) => getJob(trx, LARGEST, A_SCHEDULED_JOB)],
  ['its attempts', (trx) => listAttempts(trx, 'job00000002', {})],
  ['the attempts of one that was run often', (trx) => listAttempts(trx, RECURRING, { limit: 100 })],
  ['a later page of them', (trx) => listAttempts(trx, RECURRING, { page: 2, limit: 100 })],
  ['canceling a job', async (trx) => cancelJob(trx, context, await lockJob(trx, LARGEST, A_SCHEDULED_JOB))],
  ['deleting a job', async (trx) => deleteJob(trx, context, await lockJob(trx, LARGEST, A_SCHEDULED_JOB))],
  ['the metrics', (trx) => countQueue(trx, NOW), 5_000],
  ['forgetting', (trx) => purgeSome(trx, new Date(NOW.getTime() - 90 * DAY_MS), undefined)],
]

const ROOM = { total: 512, perHost: 64, perAccount: 256, byHost: new Map(), byAccount: new Map() }

async function claimSome(trx: Tx): Promise<{ holder: string; tasks: Task[] }> {
  const holder = randomUUID()
  const { tasks } = await claim(trx, {
    holder,
    now: NOW,
    until: new Date(NOW.getTime() + 2_000),
    leaseUntil: new Date(NOW.getTime() + 15_000),
    limit: BATCH,
    room: ROOM,
    aheadPerHost: 512,
    aheadPerAccount: 2_048,
  })
  expect(tasks).toHaveLength(BATCH)
  return { holder, tasks }
}

const succeeded = (task: Task): Outcome => ({
  task,
  sent: {
    ...{ sentAt: NOW, firstByteAt: NOW, endedAt: NOW, address: '192.0.2.1' },
    result: { kind: 'answer', statusCode: 200, headers: {}, body: Buffer.from('ok'), isTruncated: false },
  },
  verdict: { kind: 'succeeded' },
})

/** What an engine does, with a hundred rows at a time. */
const DONE: [string, Run][] = [
  ['claims', claimSome],
  ['begins', async (trx) => begin(trx, await claimSome(trx), NOW)],
  ['renews leases', async (trx) => renew(trx, await claimSome(trx), NOW)],
  ['hands back', async (trx) => handBack(trx, await claimSome(trx), NOW)],
  [
    'records',
    async (trx) => {
      const { holder, tasks } = await claimSome(trx)
      expect((await recordEnds(trx, holder, tasks.map(succeeded), NOW)).size).toBe(BATCH)
    },
  ],
]

describe('with many jobs', () => {
  it('has tables that are large', () => {
    expect([...large].sort()).toEqual(expect.arrayContaining(['attempt_default', 'job', 'queue']))
  })

  it.each(ASKED)('%s: no sequential scan, and few rows', async (_, run, mostRows = 1_000) => {
    await expectIndexes(api, run, mostRows)
  })

  it.each(DONE)('an engine %s: no sequential scan, and few rows', async (_, run) => {
    await expectIndexes(engine, run, 1_000)
  })
})
