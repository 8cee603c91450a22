import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Account, type OneJob, type Refused, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, status, type Target } from './target.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler()
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

/** A time so far from now, as clients write it. */
const after = (ms: number) => new Date(scheduler.time.now() + ms).toISOString()
const inOneMinute = () => after(MINUTE)

const hasStatus = (id: string, expected: string) =>
  eventually(async () => expect((await ana.job(id)).status).toBe(expected))

describe('A job', () => {
  it('is sent at its moment, with its body, its headers, and ours', async () => {
    const id = await ana.schedule({
      at: inOneMinute(),
      uri: `${target.url}/plain?a=b`,
      method: 'PUT',
      body: '{"x":1}',
      headers: { 'X-Mine': 'yes' },
    })
    expect((await ana.job(id)).status).toBe('scheduled')
    scheduler.time.advance(MINUTE - 1)
    expect(target.at('/plain')).toHaveLength(0)
    scheduler.time.advance(1)
    await hasStatus(id, 'succeeded')
    const [received, ...more] = target.at('/plain')
    expect(more).toEqual([])
    expect(received).toMatchObject({
      method: 'PUT',
      url: '/plain?a=b',
      body: '{"x":1}',
      headers: {
        'x-mine': 'yes',
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        'webhook-id': `job_${id}_1`,
        'webhook-attempt': '1',
        'webhook-scheduled-at': scheduler.time.date().toISOString(),
        'webhook-signature': expect.stringMatching(/^v1,/),
      },
    })
    const [attempt] = await ana.attempts(id)
    expect(attempt).toMatchObject({
      kind: 'request',
      number: 1,
      outcome: 'succeeded',
      status: 200,
      body: 'ok',
      body_encoding: 'utf-8',
      truncated: false,
      late_ms: 0,
      address: '127.0.0.1',
    })
  })

  it('that is due at once is sent without waiting for the next look', async () => {
    const id = await ana.schedule({ at: after(0), uri: `${target.url}/now` })
    await hasStatus(id, 'succeeded')
    expect(target.at('/now')).toHaveLength(1)
  })

  it('is tried again by the schedule, counted from the first request, and then fails and is kept', async () => {
    target.answer('/down', status(500))
    const id = await ana.schedule({ at: inOneMinute(), uri: `${target.url}/down` })
    scheduler.time.advance(MINUTE)
    const first = scheduler.time.now()
    for (const [tries, offset] of [10_000, 2 * MINUTE, 15 * MINUTE, 2 * HOUR, 24 * HOUR].entries()) {
      await eventually(async () => {
        const job = await ana.job(id)
        expect([job.status, job.attempts, job.next_at]).toEqual([
          'retrying',
          tries + 1,
          new Date(first + offset).toISOString(),
        ])
      })
      scheduler.time.advance(first + offset - 1 - scheduler.time.now())
      expect(target.at('/down')).toHaveLength(tries + 1)
      scheduler.time.advance(1)
    }
    await hasStatus(id, 'failed')
    expect(target.at('/down').map(({ headers }) => headers['webhook-attempt'])).toEqual(['1', '2', '3', '4', '5', '6'])
    expect(new Set(target.at('/down').map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    const listed = await ana.get<{ success: { jobs: string[] } }>('/jobs.json?status=failed')
    expect(listed.body.success.jobs).toContain(id)

    target.answer('/down', status(204))
    const again = await ana.post<OneJob>(`/jobs/${id}/run.json`)
    expect(again.body.success.job).toMatchObject({ status: 'scheduled', run: 2 })
    await hasStatus(id, 'succeeded')
  })

  it('makes as many retries as its limit says', async () => {
    target.answer('/limited', status(500))
    const id = await ana.schedule({ at: after(0), uri: `${target.url}/limited`, limit: 1 })
    await hasStatus(id, 'retrying')
    scheduler.time.advance(10_000)
    await hasStatus(id, 'failed')
    expect(target.at('/limited')).toHaveLength(2)
  })

  it('waits longer where the target asks for it', async () => {
    target.answer('/busy', status(503, { 'retry-after': '60' }))
    const id = await ana.schedule({ at: after(0), uri: `${target.url}/busy` })
    await hasStatus(id, 'retrying')
    expect((await ana.job(id)).next_at).toBe(after(60_000))
    await ana.post(`/jobs/${id}/cancel.json`)
    expect((await ana.job(id)).status).toBe('canceled')
  })

  it('does not follow redirects: they are failures', async () => {
    target.answer('/moved', status(302, { location: `${target.url}/there` }))
    const id = await ana.schedule({ at: after(0), uri: `${target.url}/moved` })
    await hasStatus(id, 'retrying')
    expect(target.at('/there')).toEqual([])
    expect((await ana.attempts(id))[0]).toMatchObject({ outcome: 'failed', status: 302 })
    await ana.post(`/jobs/${id}/cancel.json`)
  })

  it('keeps what comes back, byte for byte, as far as it is kept', async () => {
    const bytes = Buffer.from([0, 255, 254, 10])
    target.answer('/bytes', (res) => res.writeHead(200, { 'x-list': ['a', 'b'] }).end(bytes))
    target.answer('/large', (res) => res.end(Buffer.alloc(2_000_000, 'x')))
    const [small, large] = [
      await ana.schedule({ at: after(0), uri: `${target.url}/bytes` }),
      await ana.schedule({ at: after(0), uri: `${target.url}/large` }),
    ]
    await hasStatus(small, 'succeeded')
    await hasStatus(large, 'succeeded')
    const [one] = await ana.attempts(small)
    expect(one).toMatchObject({
      body: bytes.toString('base64'),
      body_encoding: 'base64',
      headers: { 'x-list': ['a', 'b'] },
    })
    const [other] = await ana.attempts(large)
    expect([other?.body?.length, other?.truncated]).toEqual([65_536, true])
  })

  it('gives up an answer that drips, after the whole of its time', async () => {
    target.answer('/drip', (res) => {
      res.writeHead(200)
      const timer = setInterval(() => res.write('x'), 50)
      res.on('close', () => clearInterval(timer))
    })
    const id = await ana.schedule({ at: after(0), uri: `${target.url}/drip` })
    await hasStatus(id, 'retrying')
    expect((await ana.attempts(id))[0]?.error).toContain('no complete answer within 2000 ms')
    await ana.post(`/jobs/${id}/cancel.json`)
  })
})

describe('At the moment of sending', () => {
  /** A job whose request is under way until the test lets it end. */
  async function underWay(path: string) {
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    target.answer(path, (res) => void ended.then(() => res.writeHead(500).end()))
    const id = await ana.schedule({ at: after(0), uri: target.url + path })
    await eventually(() => expect(target.at(path)).toHaveLength(1))
    return { id, end }
  }

  it('a job can be neither changed nor deleted; canceled, it is not tried again', async () => {
    const { id, end } = await underWay('/under-way')
    expect((await ana.job(id)).status).toBe('running')
    const put = await ana.put<Refused>(`/jobs/${id}.json`, { job: { method: 'GET' } })
    expect([put.status, put.body]).toEqual([
      409,
      { error: { job: 'The job has begun; it cannot be changed any more.' } },
    ])
    expect((await ana.delete(`/jobs/${id}.json`)).status).toBe(409)
    expect((await ana.post(`/jobs/${id}/run.json`)).status).toBe(409)
    expect((await ana.post(`/jobs/${id}/cancel.json`)).status).toBe(200)
    end()
    await hasStatus(id, 'canceled')
  })

  it('what was acknowledged is what is sent', async () => {
    const rounds = Array.from({ length: 30 }, (_, i) => i)
    const due = after(MINUTE)
    const ids = await Promise.all(rounds.map((i) => ana.schedule({ at: due, uri: `${target.url}/race/${i}/old` })))
    const edits = Promise.all(
      ids.map((id, i) => ana.put(`/jobs/${id}.json`, { job: { uri: `${target.url}/race/${i}/new` } })),
    )
    scheduler.time.advance(MINUTE)
    const answers = await edits
    // An edit may have been committed after the engine's look: the next one finds it.
    scheduler.time.advance(1_000)
    await Promise.all(ids.map((id) => hasStatus(id, 'succeeded')))
    for (const i of rounds) {
      const isChanged = answers[i]?.status === 200
      expect([target.at(`/race/${i}/old`).length, target.at(`/race/${i}/new`).length]).toEqual(
        isChanged ? [0, 1] : [1, 0],
      )
      if (!isChanged) expect(answers[i]?.status).toBe(409)
    }
  })

  it('what was deleted is not sent, and what is sent was not deleted', async () => {
    const rounds = Array.from({ length: 30 }, (_, i) => i)
    const due = after(MINUTE)
    const ids = await Promise.all(rounds.map((i) => ana.schedule({ at: due, uri: `${target.url}/delete-race/${i}` })))
    const deletions = Promise.all(ids.map((id) => ana.delete(`/jobs/${id}.json`)))
    scheduler.time.advance(MINUTE)
    const answers = await deletions
    scheduler.time.advance(1_000)
    await Promise.all(ids.filter((_, i) => answers[i]?.status !== 200).map((id) => hasStatus(id, 'succeeded')))
    for (const i of rounds) {
      // Refused: it has begun, or is even done and over, which leaves it as it is.
      expect([200, 409]).toContain(answers[i]?.status)
      expect([i, target.at(`/delete-race/${i}`).length]).toEqual([i, answers[i]?.status === 200 ? 0 : 1])
    }
  })

  it('an edit with If-Match takes only what was seen', async () => {
    const id = await ana.schedule({ at: inOneMinute(), uri: `${target.url}/match` })
    const seen = String((await ana.get(`/jobs/${id}.json`)).headers.etag)
    const first = await ana.put(`/jobs/${id}.json`, { job: { method: 'PUT' } }, { 'if-match': seen })
    expect(first.status).toBe(200)
    expect(first.headers.etag).not.toBe(seen)
    expect((await ana.put(`/jobs/${id}.json`, { job: { method: 'GET' } }, { 'if-match': seen })).status).toBe(409)
    expect((await ana.delete(`/jobs/${id}.json`, undefined, { 'if-match': seen })).status).toBe(409)
    expect((await ana.job(id)).method).toBe('PUT')
    expect((await ana.delete(`/jobs/${id}.json`, undefined, { 'if-match': String(first.headers.etag) })).status).toBe(
      200,
    )
  })

  it('a job that was deleted or moved is not sent', async () => {
    const gone = await ana.schedule({ at: after(1_000), uri: `${target.url}/gone` })
    const moved = await ana.schedule({ at: after(1_000), uri: `${target.url}/moved-on` })
    const sent = await ana.schedule({ at: after(1_000), uri: `${target.url}/stays` })
    // All three are claimed by now, or will be: what is in the engine's memory does not matter.
    await ana.delete(`/jobs/${gone}.json`)
    await ana.put(`/jobs/${moved}.json`, { job: { at: after(MINUTE) } })
    scheduler.time.advance(1_000)
    await hasStatus(sent, 'succeeded')
    expect([...target.at('/gone'), ...target.at('/moved-on')]).toEqual([])
    scheduler.time.advance(MINUTE)
    await hasStatus(moved, 'succeeded')
  })
})
