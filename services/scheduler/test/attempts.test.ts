import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Attempt } from '../src/jobs/shapes.ts'
import { type Account, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'

let scheduler: Scheduler
let ana: Account
beforeAll(async () => {
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(() => scheduler.stop())

const KEPT = 65_536

/** A job that was run so often, a minute apart; the last run is the newest. */
async function jobWithRuns(runs: number, body = Buffer.from('ok')): Promise<string> {
  const id = await ana.schedule({ uri: 'http://yourapp.com', cron: '* * * * *' })
  await scheduler.query(
    `insert into scheduler.attempt
       (id, job_id, kind, run, number, due_at, sent_at, ended_at, outcome, status_code, body, is_truncated)
     select gen_random_uuid(), $1, 'request', run, 1, at, at, at, 'succeeded', 200, $3, false
     from (select run, '2026-01-01Z'::timestamptz + run * interval '1 minute' as at from generate_series(1, $2) run)`,
    [id, runs, body],
  )
  return id
}

const page = async (id: string, query = '') =>
  (await ana.get<Success<{ attempts: Attempt[] }>>(`/jobs/${id}/attempts.json${query}`)).body.success.attempts
const runs = (attempts: Attempt[]) => attempts.map(({ run }) => run)
const count = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => from - i)

describe('The attempts of a job', () => {
  it('come by the page, newest first, down to the oldest', async () => {
    const id = await jobWithRuns(1_030)
    expect(runs(await page(id))).toEqual(count(1_030, 1_021))
    expect(runs(await page(id, '?page=1'))).toEqual(count(1_020, 1_011))
    expect(runs(await page(id, '?limit=100'))).toEqual(count(1_030, 931))
    expect(runs(await page(id, '?page=10&limit=100'))).toEqual(count(30, 1))
    expect(await page(id, '?page=11&limit=100')).toEqual([])
    expect(runs(await page(id, '?page=&limit='))).toHaveLength(10)
  })

  it.each(['page=-1', 'limit=0', 'limit=101', 'page=x'])('refuse %s', async (query) => {
    const answer = await ana.get<Refused>(`/jobs/${await jobWithRuns(1)}/attempts.json?${query}`)
    expect([answer.status, Object.keys(answer.body.error)]).toEqual([400, [query.split('=')[0]]])
  })

  it('make no page of more than about a megabyte: the more are asked for, the less is shown of each body', async () => {
    const id = await jobWithRuns(100, Buffer.alloc(KEPT, 'x'))
    const [whole] = await page(id)
    expect([whole?.body?.length, whole?.truncated]).toEqual([KEPT, false])
    const all = await page(id, '?limit=100')
    expect(all).toHaveLength(100)
    expect(JSON.stringify(all).length).toBeLessThan(1_048_576)
    for (const { body, truncated } of all) expect([body?.length, truncated]).toEqual([all[0]?.body?.length, true])
  })

  it('are shown as text also where their bodies are cut within a character', async () => {
    for (const prefix of ['', 'x', 'xx', 'xxx']) {
      const id = await jobWithRuns(100, Buffer.from(`${prefix}${'🎈'.repeat(KEPT / 4 - 1)}`))
      const [first] = await page(id, '?limit=100')
      expect([first?.body_encoding, first?.truncated]).toEqual(['utf-8', true])
      expect(first?.body).toMatch(/^x*(?:🎈)+$/u)
    }
  })

  it('have a body that is no text in base64, cut or not', async () => {
    const bytes = Buffer.alloc(KEPT, 0xff)
    const id = await jobWithRuns(2, bytes)
    const [whole] = await page(id)
    expect([whole?.body, whole?.body_encoding]).toEqual([bytes.toString('base64'), 'base64'])
    const [cut] = await page(id, '?limit=100')
    expect([cut?.body_encoding, cut?.truncated]).toEqual(['base64', true])
  })
})
