import { randomUUID } from 'node:crypto'
import { JobSecrets } from '@platform/scheduler/secrets/job-secrets.ts'
import { TEST_ASSERTION_SECRET } from '@platform/testing/processes.ts'
import type pg from 'pg'

/** Where a side keeps its jobs, and how the same ones get there: straight into its tables, as fast as can be. */
export interface Side {
  name: string
  /** Jobs for some time in the next month. */
  addWaiting(count: number): Promise<void>
  /** Jobs that are due at once, in one commit, with the hint that its own API gives. */
  addDue(round: string, count: number): Promise<void>
  /** Whether all of a round is done and written down. */
  isDone(round: string): Promise<boolean>
  /** Whether nothing is left to be done afterwards, either. */
  isQuiet(): Promise<boolean>
}

const BODY = JSON.stringify({ event: 'reminder', at: '18:00', to: 'somebody' })
const HEADERS = { 'X-Api-Token': 'a-token-of-the-target-0123456789', 'X-Tenant': 'oslo' }
const ACCOUNTS = Array.from({ length: 10 }, () => randomUUID())
/** From an hour on, evenly over a month. */
const SOME_TIME = "now() + interval '1 hour' + (n::float8 / $1) * interval '30 days'"

/** The scheduler: a job and its row in the queue each. Headers are sealed as the service seals them. */
export async function schedulerSide(client: pg.Client, targetUrl: string): Promise<Side> {
  const secrets = new JobSecrets(TEST_ASSERTION_SECRET)
  const host = new URL(targetUrl).host
  for (const id of ACCOUNTS) {
    await client.query('insert into scheduler.account_setting (account_id, signing_secret) values ($1, $2)', [
      id,
      secrets.sealSigning(id, `whsec_${Buffer.alloc(32, id).toString('base64')}`),
    ])
  }
  const insert = async (ids: string[]) => {
    const headers = ids.map((id) => JSON.stringify(secrets.sealHeaders(id, HEADERS)))
    const values = [ids, headers, ACCOUNTS, `${targetUrl}/hook`, BODY]
    await client.query('begin')
    await client.query(
      `insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, headers, body, status, created_at,
         updated_at)
       select id, ($3::uuid[])[1 + n % 10], $4, 'POST', now(), 0, headers, $5, 'scheduled', now(), now()
       from unnest($1::text[], $2::jsonb[]) with ordinality as given (id, headers, n)`,
      values,
    )
    await client.query(
      `insert into scheduler.queue (job_id, account_id, host, due_at, next_at)
       select id, account_id, $2, at, at from scheduler.job where id = any ($1)`,
      [ids, host],
    )
    await client.query('commit')
  }
  return {
    name: 'scheduler',
    addWaiting: async (count) => {
      await client.query(
        `insert into scheduler.job (id, account_id, uri, method, at, at_offset_minutes, body, status, created_at,
           updated_at)
         select 'waiting' || n, ($2::uuid[])[1 + n % 10], $3, 'POST', ${SOME_TIME}, 0, $4, 'scheduled', now(), now()
         from generate_series(1, $1::int) n on conflict do nothing`,
        [count, ACCOUNTS, `${targetUrl}/hook`, BODY],
      )
      await client.query(
        `insert into scheduler.queue (job_id, account_id, host, due_at, next_at)
         select id, account_id, $1, at, at from scheduler.job
         where id like 'waiting%' and not exists (select from scheduler.queue where job_id = job.id)`,
        [host],
      )
      await client.query('vacuum analyze scheduler.job, scheduler.queue')
    },
    addDue: async (round, count) => {
      await insert(Array.from({ length: count }, (_, i) => `${round}-${i}`))
      await client.query("select pg_notify('scheduler_due', '')")
    },
    isDone: async (round) => {
      const { rows } = await client.query(
        'select from scheduler.queue where callback_id is null and job_id >= $1 and job_id < $2 limit 1',
        [`${round}-`, `${round}.`],
      )
      return rows.length === 0
    },
    isQuiet: async () => (await client.query('select from scheduler.outbox limit 1')).rows.length === 0,
  }
}

/**
 * graphile-worker: a job each, that says what to send. It has as many headers as the scheduler sends.
 *
 * @param task of the workers that are to do it
 */
export function graphileSide(
  client: pg.Client,
  targetUrl: string,
  { name, task }: { name: string; task: string },
): Side {
  const headers = {
    ...HEADERS,
    'user-agent': 'Scheduler/1.0',
    accept: '*/*',
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    'webhook-id': 'job_0123456789_1',
    'webhook-timestamp': '1893456000',
    'webhook-attempt': '1',
    'webhook-scheduled-at': '2030-01-01T00:00:00.000Z',
    'webhook-signature': `v1,${'x'.repeat(44)}`,
  }
  const payload = JSON.stringify({ url: `${targetUrl}/hook`, headers, body: BODY })
  /** @returns the ids of the first and the last one */
  const insert = async (runAt: string, count: number) => {
    const { rows } = await client.query<{ first: number; last: number }>(
      `with made as (
         insert into graphile_worker._private_jobs (task_id, payload, run_at)
         select (select id from graphile_worker._private_tasks where identifier = $3), $2, ${runAt}
         from generate_series(1, $1::int) n returning id
       ) select min(id) as first, max(id) as last from made`,
      [count, payload, task],
    )
    return rows[0]
  }
  let waiting = 0
  let round: { first: number; last: number } | undefined
  return {
    name,
    addWaiting: async (count) => {
      await insert(SOME_TIME, count - waiting)
      waiting = count
      await client.query('vacuum analyze graphile_worker._private_jobs')
    },
    addDue: async (_round, count) => {
      await client.query('begin')
      round = await insert('now()', count)
      await client.query(
        "select pg_notify('jobs:insert', json_build_object('r', random()::text, 'count', $1::int)::text)",
        [count],
      )
      await client.query('commit')
    },
    isDone: async () => {
      const { rows } = await client.query(
        'select from graphile_worker._private_jobs where id >= $1 and id <= $2 limit 1',
        [round?.first, round?.last],
      )
      return rows.length === 0
    },
    isQuiet: async () => true,
  }
}
