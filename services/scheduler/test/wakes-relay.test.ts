import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { eventually } from '@platform/testing/eventually.ts'
import type { SchedulerTables } from '../src/db/schema.ts'
import { Engine } from '../src/engine/engine.ts'
import { JobSecrets } from '../src/secrets/job-secrets.ts'
import { Sender } from '../src/sending/sender.ts'
import { TargetGuard } from '../src/sending/target-guard.ts'
import { type Scheduler, startScheduler } from './harness.ts'
import { ManualTime } from './manual-time.ts'
import { startTarget, status, type Target } from './target.ts'

const START = '2030-01-01T12:00:00Z'
const log = createLogger({ service: 'test', level: 'silent', format: 'json' })

let scheduler: Scheduler
let target: Target
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

describe('An engine', () => {
  it('says that there are events, after they are committed, and only then', async () => {
    const ana = await scheduler.account()
    target.answer('/down', status(500))
    const failing = await ana.schedule({ at: START, uri: `${target.url}/down`, limit: 1 })
    const url = scheduler.database.urlFor('scheduler')
    const database = openDatabase<SchedulerTables>({ url, applicationName: 'test', log })
    const time = new ManualTime(START)
    const sender = new Sender({
      guard: new TargetGuard(['127.0.0.0/8'], async () => []),
      now: () => time.now(),
      connectTimeoutMs: 5_000,
      timeoutMs: 5_000,
      keptBodyBytes: 1_000,
      connections: 10,
    })
    /** What others see of the job when the engine speaks. */
    const seen: Promise<object[]>[] = []
    const engine = new Engine({
      db: database.db,
      time,
      sender,
      secrets: new JobSecrets('x'.repeat(32)),
      log,
      pollMs: 500,
      horizonMs: 2_000,
      leaseMs: 15_000,
      claimBatch: 100,
      limits: { total: 10, perHost: 10, perAccount: 10 },
      onPublished: () => void seen.push(scheduler.query('select status from scheduler.job where id = $1', [failing])),
      random: () => 0,
    })
    // The account's secret was sealed with another key: that has to do with another test.
    await scheduler.query("update scheduler.account_setting set signing_secret = 'whsec_eA=='")
    engine.start()
    await eventually(async () => expect((await ana.job(failing)).status).toBe('retrying'))
    expect(seen).toEqual([])
    time.advance(10_000)
    await eventually(() => expect(seen).toHaveLength(1))
    expect(await seen[0]).toEqual([{ status: 'failed' }])
    await engine.stop(1_000)
    await sender.close()
    await database.close()
  })
})
