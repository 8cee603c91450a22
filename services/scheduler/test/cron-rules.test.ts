import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CronRules } from '../src/jobs/cron.ts'
import { readJobs } from '../src/jobs/read-job.ts'
import { type Account, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'

let scheduler: Scheduler
let ana: Account
beforeAll(async () => {
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(() => scheduler.stop())

const COUNT = 1_000
const URI = 'http://yourapp.com/'
/** As many rules, no two the same. */
const rules = (rest: string) => Array.from({ length: COUNT }, (_, i) => `${i % 60} ${Math.floor(i / 60)} ${rest}`)

describe('A rule', () => {
  it.each([
    '29 2 *',
    '31 * *',
    '30,31 1-12/2 *',
    'L 2 *',
    '30 FEB,MAR *',
    '31 2 1',
    '* 2 1#5',
    '? ? ?',
    '28-31 2 *',
    '*/30 2 *',
  ])('with days that come: %s', async (rest) => {
    const { status } = await ana.post('/jobs/preview.json', { job: { uri: URI, cron: `0 9 ${rest}` } })
    expect(status).toBe(200)
  })

  // With a plus croner wants both, the day of the month and that of the week; few such rules have any day.
  it.each(['30,31 2 *', '31 2,4,6,9,11 *', '31 apr,JUN ?', '30-31 2-2 *', '31W 2 *', '1 * +1#5', '* * +1'])(
    'with days that never come, or that are long to look for, is refused: %s',
    async (rest) => {
      const answer = await ana.post<Refused>('/jobs.json', { job: { uri: URI, cron: `0 9 ${rest}` } })
      expect([answer.status, Object.keys(answer.body.error)]).toEqual([400, ['cron']])
    },
  )
})

describe('A thousand rules', () => {
  it('without any day are told one by one', async () => {
    const jobs = rules('30,31 2 *').map((cron) => ({ uri: URI, cron }))
    const { status, body } = await ana.post<Refused>('/jobs/batch.json', { jobs })
    expect([status, Object.keys(body.error).length]).toEqual([400, COUNT])
  })

  it('of the leap day make as many jobs', async () => {
    const jobs = rules('29 2 *').map((cron) => ({ uri: URI, cron }))
    const { body } = await ana.post<Success<{ jobs: object[] }>>('/jobs/batch.json', { jobs })
    expect(body.success.jobs).toHaveLength(COUNT)
  })

  it('are looked for bit by bit: others have their turn meanwhile', async () => {
    let [read, readBefore, most] = [0, 0, 0]
    function* jobs() {
      for (const cron of rules('29 2 *')) {
        read++
        yield { uri: URI, cron }
      }
    }
    const count = () => {
      most = Math.max(most, read - readBefore)
      readBefore = read
    }
    let turn = setImmediate(function next() {
      count()
      turn = setImmediate(next)
    })
    const found = await readJobs(jobs(), { zone: 'UTC', now: scheduler.time.date(), rules: new CronRules() })
    clearImmediate(turn)
    count()
    expect(found.every(({ wish }) => wish.time?.instant.toISOString().startsWith('2028-02-29'))).toBe(true)
    expect(most).toBeLessThan(COUNT / 2)
  })

  it('that are the same are looked for once', () => {
    const known = new CronRules()
    const now = new Date('2026-02-02T12:00:00Z')
    const first = known.next('0 9 29 2 *', 'UTC', now)
    expect(known.next('0 9 29 2 *', 'UTC', now)).toBe(first)
    expect(known.next('0 9 29 2 *', 'Europe/Berlin', now)).not.toEqual(first)
  })
})
