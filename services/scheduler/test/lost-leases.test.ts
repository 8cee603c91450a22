import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'
import { type Account, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

const LEASE_MS = 3_000
const PER_HOST = 4

let scheduler: Scheduler
let ana: Account
const targets: Target[] = []
beforeAll(async () => {
  scheduler = await startScheduler({
    env: { HOST_CONCURRENCY: String(PER_HOST), LEASE_MS: String(LEASE_MS), REQUEST_TIMEOUT_MS: '600000' },
  })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  for (const target of targets) await target.stop()
})

const at = () => scheduler.time.date().toISOString()
const send = (uri: string) => ana.schedule({ at: at(), uri })
const succeeds = (id: string) => eventually(async () => expect((await ana.job(id)).status).toBe('succeeded'))

/** A target with as many requests under way as it may have, until the test ends them, and two more that have begun. */
async function heldAndWaiting() {
  const target = await startTarget()
  targets.push(target)
  // Only for a target that is known to be fast some are begun before there is room for them.
  const jobs = Array.from({ length: 100 }, () => ({ at: at(), uri: `${target.url}/fast` }))
  await ana.post('/jobs/batch.json', { jobs })
  await eventually(() => expect(target.at('/fast')).toHaveLength(jobs.length))
  const responses: ServerResponse[] = []
  target.answer('/held', (res) => void responses.push(res))
  const held = await Promise.all(Array.from({ length: PER_HOST }, () => send(`${target.url}/held`)))
  await eventually(() => expect(responses).toHaveLength(PER_HOST))
  const waiting = [await send(`${target.url}/waits`), await send(`${target.url}/waits`)]
  await eventually(async () => expect(await rows(waiting, 'begun_at is not null')).toHaveLength(2))
  const isGone = Promise.all(responses.map((res) => once(res, 'close')))
  const end = () => {
    for (const res of responses) res.end()
  }
  return { target, held, waiting, isGone, end }
}

const rows = (ids: string[], condition = 'true') =>
  scheduler.query<{ lease_until: Date }>(
    `select lease_until from scheduler.queue where job_id = any ($1) and ${condition}`,
    [ids],
  )

/** Lets a renewal come and go. */
async function renew(id: string) {
  const [before] = await rows([id])
  scheduler.time.advance(LEASE_MS / 3)
  await eventually(async () => expect((await rows([id]))[0]?.lease_until).not.toEqual(before?.lease_until))
}

describe('What has begun and waits', () => {
  it('is not sent when another engine has its row', async () => {
    const { target, held, waiting, end } = await heldAndWaiting()
    await scheduler.query(
      `update scheduler.queue set holder = $2, token = token + 1, lease_until = lease_until + interval '1 hour'
       where job_id = any ($1)`,
      [waiting, randomUUID()],
    )
    // A second one begins when the first is done.
    await renew(held[0] ?? '')
    await renew(held[0] ?? '')
    end()
    // It comes after them.
    await succeeds(await send(`${target.url}/last`))
    for (const id of held) await succeeds(id)
    expect(target.at('/waits')).toEqual([])
    await scheduler.query('delete from scheduler.queue where job_id = any ($1)', [waiting])
  })

  it('is not sent when its lease has ended while the database was away, but afterwards', async () => {
    const { target, held, waiting, isGone } = await heldAndWaiting()
    await onServer(scheduler.database.adminUrl, async (client) => {
      await client.query('begin')
      await client.query('lock table scheduler.queue in access exclusive mode')
      scheduler.time.advance(LEASE_MS + 1)
      // What is under way ends with its lease, and makes room for what waits.
      target.answer('/held', (res) => res.end())
      await isGone
      await client.query('rollback')
    })
    for (const id of [...held, ...waiting]) await succeeds(id)
    for (const id of waiting) {
      const attempts = (await ana.attempts(id)).sort((a, b) => a.number - b.number)
      expect(attempts).toMatchObject([{ outcome: 'unknown' }, { outcome: 'succeeded', number: 2 }])
    }
    expect(target.at('/waits').map(({ headers }) => headers['webhook-attempt'])).toEqual(['2', '2'])
  })
})
