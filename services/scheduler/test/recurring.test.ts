import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Account, type OneJob, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, status, type Target } from './target.ts'

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
  ana = await scheduler.account({ timezone: 'Europe/Berlin' })
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const advanceTo = (instant: string) => scheduler.time.advance(Date.parse(instant) - scheduler.time.now())

describe('A recurring job', () => {
  it('runs by its rule in its zone, through a clock change', async () => {
    const gina = await scheduler.account({ timezone: 'UTC' })
    const { body } = await gina.post<OneJob>('/jobs.json', {
      job: { at: '2026-03-28T00:00:00Z', uri: `${target.url}/daily`, cron: '30 8 * * *', timezone: 'Europe/Berlin' },
    })
    const { id } = body.success.job
    const days = ['2026-03-28T07:30:00.000Z', '2026-03-29T06:30:00.000Z', '2026-03-30T06:30:00.000Z']
    for (const [i, due] of days.entries()) {
      await eventually(async () =>
        expect(await gina.job(id)).toMatchObject({ status: 'scheduled', run: i + 1, next_at: due }),
      )
      scheduler.time.advance(Date.parse(due) - scheduler.time.now())
      await eventually(() => expect(target.at('/daily')).toHaveLength(i + 1))
    }
    expect(target.at('/daily').map(({ headers }) => headers['webhook-id'])).toEqual(
      [1, 2, 3].map((run) => `job_${id}_${run}`),
    )
    await eventually(async () => expect((await gina.job(id)).run).toBe(4))

    expect((await gina.post<OneJob>(`/jobs/${id}/pause.json`)).body.success.job.status).toBe('paused')
    scheduler.time.advance(5 * 86_400_000)
    const resumed = await gina.post<OneJob>(`/jobs/${id}/resume.json`)
    expect(resumed.body.success.job).toMatchObject({ status: 'scheduled', next_at: '2026-04-05T06:30:00.000Z' })
    expect(target.at('/daily')).toHaveLength(3)
    expect((await gina.post<OneJob>(`/jobs/${id}/cancel.json`)).body.success.job.status).toBe('canceled')
  })

  it('goes on after a run that has failed', async () => {
    target.answer('/flaky', status(500))
    const id = await ana.schedule({ uri: `${target.url}/flaky`, cron: '*/5 * * * *', limit: 1 })
    const first = String((await ana.job(id)).next_at)
    scheduler.time.advance(Date.parse(first) - scheduler.time.now())
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    scheduler.time.advance(10_000)
    await eventually(async () => expect(await ana.job(id)).toMatchObject({ status: 'scheduled', run: 2 }))
    await eventually(async () => {
      const [event] = await scheduler.query<{ value: string }>('select value from event_log.record where key = $1', [
        id,
      ])
      expect(JSON.parse(event?.value ?? '{}')).toMatchObject({
        type: 'scheduler.job.failed',
        entityversion: 1,
        data: { id, accountId: ana.id, status: 'failed', run: 1, attempts: 2, statusCode: 500 },
      })
    })
    await ana.post(`/jobs/${id}/cancel.json`)
  })

  it("without a zone of its own runs in the account's, also after it was paused", async () => {
    const id = await ana.schedule({ uri: `${target.url}/at-nine`, cron: '0 9 * * *' })
    await ana.post(`/jobs/${id}/pause.json`)
    advanceTo('2026-06-10T08:00:00Z')
    const resumed = await ana.post<OneJob>(`/jobs/${id}/resume.json`)
    const first = { at: '2026-06-11 09:00:00 +0200', next_at: '2026-06-11T07:00:00.000Z' }
    expect(resumed.body.success.job).toMatchObject(first)
    advanceTo(first.next_at)
    const second = { run: 2, at: '2026-06-12 09:00:00 +0200', next_at: '2026-06-12T07:00:00.000Z' }
    await eventually(async () => expect(await ana.job(id)).toMatchObject(second))
    await ana.post(`/jobs/${id}/cancel.json`)
  })

  it('that was not due while it was paused is due when it was', async () => {
    const job = { uri: `${target.url}/later`, cron: '0 9 * * *', at: '2030-01-31T00:00:00' }
    const id = await ana.schedule(job)
    await ana.post(`/jobs/${id}/pause.json`)
    const resumed = (await ana.post<OneJob>(`/jobs/${id}/resume.json`)).body.success.job
    expect(resumed).toMatchObject({ at: '2030-01-31 09:00:00 +0100', next_at: '2030-01-31T08:00:00.000Z' })
  })

  it('that is canceled while it is under way has no next run, and nobody is told of one', async () => {
    const answers: (() => void)[] = []
    target.answer('/last', (res) => void answers.push(() => res.end('ok')))
    const id = await ana.schedule({ uri: `${target.url}/last`, cron: '*/5 * * * *' })
    advanceTo(String((await ana.job(id)).next_at))
    await eventually(() => expect(answers).toHaveLength(1))
    await ana.post(`/jobs/${id}/cancel.json`)
    answers[0]?.()
    const event = await eventually(async () => {
      const [row] = await scheduler.query<{ value: string }>('select value from event_log.record where key = $1', [id])
      if (!row) throw new Error('No event.')
      return JSON.parse(row.value)
    })
    expect(event).toMatchObject({ type: 'scheduler.job.finished', data: { status: 'succeeded', run: 1 } })
    expect(event.data).not.toHaveProperty('nextRunAt')
    expect(await ana.job(id)).toMatchObject({ status: 'succeeded', run: 1 })
  })
})
