import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Account, type OneJob, type Scheduler, type Success, startScheduler } from './harness.ts'
import { type Received, startTarget, status, type Target } from './target.ts'

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

const at = () => scheduler.time.date().toISOString()
const first = (path: string): Promise<Received> =>
  eventually(() => {
    const [received] = target.at(path)
    if (!received) throw new Error(`Nothing came to ${path}.`)
    return received
  })

describe('A callback', () => {
  it('tells of the answer in six fields, as a POST with JSON', async () => {
    target.answer('/work', (res) => res.writeHead(201, { 'content-type': 'text/plain' }).end('made'))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/work`, callback_uri: `${target.url}/told` })
    const { method, headers, body } = await first('/told')
    expect(method).toBe('POST')
    expect(headers['content-type']).toBe('application/json')
    expect(headers['webhook-id']).toMatch(new RegExp(`^callback_${id}_`))
    expect(JSON.parse(body)).toEqual({
      response_http_version: '1.1',
      response_code: 201,
      response_code_type: 'Created',
      response_content_length: 4,
      response_content_type: 'text/plain',
      response_body: 'made',
    })
    await eventually(async () =>
      expect((await ana.attempts(id)).map(({ kind, outcome }) => [kind, outcome])).toEqual([
        ['request', 'succeeded'],
        ['callback', 'succeeded'],
      ]),
    )
  })

  it('has a text as text, also where it is cut within a character', async () => {
    const body = `x${'🎈'.repeat(20_000)}`
    target.answer('/long', (res) => res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/long`, callback_uri: `${target.url}/told-long` })
    const kept = `x${'🎈'.repeat(16_383)}`
    expect(JSON.parse((await first('/told-long')).body)).toMatchObject({
      response_content_length: null,
      response_body: kept,
    })
    const [attempt] = await ana.attempts(id)
    expect([attempt?.body, attempt?.body_encoding, attempt?.truncated]).toEqual([kept, 'utf-8', true])
  })

  it('is kept, and tried again by the same schedule; the job has succeeded meanwhile', async () => {
    target.answer('/deaf', status(500))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/fine`, callback_uri: `${target.url}/deaf` })
    await first('/deaf')
    const attempts = (count: number) =>
      eventually(async () =>
        expect((await ana.attempts(id)).filter(({ kind }) => kind === 'callback')).toHaveLength(count),
      )
    await attempts(1)
    expect((await ana.job(id)).status).toBe('succeeded')
    scheduler.time.advance(10_000)
    await attempts(2)
    target.answer('/deaf', status(200))
    scheduler.time.advance(110_000)
    await attempts(3)
    const bodies = target.at('/deaf').map(({ body, headers }) => [body, headers['webhook-id']])
    expect(new Set(bodies.map(String)).size).toBe(1)
    scheduler.time.advance(24 * 3_600_000)
    expect((await scheduler.query('select status from scheduler.callback where job_id = $1', [id]))[0]).toEqual({
      status: 'delivered',
    })
  })

  it('that waits for its next try is given up when the job is canceled, which has succeeded all the same', async () => {
    target.answer('/never', status(500))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/fine`, callback_uri: `${target.url}/never` })
    const tried = async () => (await ana.attempts(id)).filter(({ kind }) => kind === 'callback').length
    await eventually(async () => expect(await tried()).toBe(1))
    const canceled = await ana.post<OneJob>(`/jobs/${id}/cancel.json`)
    expect([canceled.status, canceled.body.success.job.status]).toEqual([200, 'succeeded'])
    expect(await scheduler.query('select id from scheduler.queue where job_id = $1', [id])).toEqual([])
    expect(await scheduler.query('select status, attempts from scheduler.callback where job_id = $1', [id])).toEqual([
      { status: 'failed', attempts: 1 },
    ])
    scheduler.time.advance(24 * 3_600_000)
    const other = await ana.schedule({ at: at(), uri: `${target.url}/after` })
    await first('/after')
    expect([target.at('/never').length, (await ana.job(other)).id]).toEqual([1, other])
    expect((await ana.post(`/jobs/${id}/cancel.json`)).status).toBe(409)
  })

  it('that is under way when the job is canceled is not tried again', async () => {
    const answers: (() => void)[] = []
    target.answer('/slow', (res) => void answers.push(() => res.writeHead(500).end()))
    const id = await ana.schedule({ at: at(), uri: `${target.url}/fine`, callback_uri: `${target.url}/slow` })
    await eventually(() => expect(answers).toHaveLength(1))
    expect((await ana.post(`/jobs/${id}/cancel.json`)).status).toBe(200)
    answers[0]?.()
    await eventually(async () =>
      expect(await scheduler.query('select status from scheduler.callback where job_id = $1', [id])).toEqual([
        { status: 'failed' },
      ]),
    )
    expect(await scheduler.query('select id from scheduler.queue where job_id = $1', [id])).toEqual([])
  })

  it('for failures comes after the last failure, and not before', async () => {
    target.answer('/broken', status(500))
    const job = { at: at(), uri: `${target.url}/broken`, limit: 1 }
    const callbacks = { callback_uri: `${target.url}/good`, failure_callback_uri: `${target.url}/bad` }
    const id = await ana.schedule({ ...job, ...callbacks })
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    expect(target.at('/bad')).toEqual([])
    scheduler.time.advance(10_000)
    expect(JSON.parse((await first('/bad')).body)).toMatchObject({ response_code: 500, response_body: 'status 500' })
    expect(target.at('/good')).toEqual([])
  })
})

describe('A signature', () => {
  const isSignedWith = (secret: string, { headers, body }: Received) => {
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const signature = `v1,${createHmac('sha256', key).update(text).digest('base64')}`
    return String(headers['webhook-signature']).split(' ').includes(signature)
  }
  interface Settings {
    signing_secret: string
    previous_signing_secret?: string
  }
  type Shown = Success<{ settings: Settings }>

  it("is by the account's secret, and by the one before for as long as it is kept", async () => {
    const ben = await scheduler.account()
    const before = (await ben.get<Shown>('/jobs/settings.json')).body.success.settings.signing_secret
    await ben.schedule({ at: at(), uri: `${target.url}/signed/1`, body: 'text' })
    expect(isSignedWith(before, await first('/signed/1'))).toBe(true)

    const { body } = await ben.post<Shown>('/jobs/settings/secret/rotate.json?grace_hours=1')
    const { signing_secret: after, previous_signing_secret } = body.success.settings
    expect(previous_signing_secret).toBe(before)
    expect(after).not.toBe(before)
    await ben.schedule({ at: at(), uri: `${target.url}/signed/2` })
    const second = await first('/signed/2')
    expect([isSignedWith(before, second), isSignedWith(after, second)]).toEqual([true, true])

    scheduler.time.advance(3_600_001)
    await ben.schedule({ at: at(), uri: `${target.url}/signed/3` })
    const third = await first('/signed/3')
    expect([isSignedWith(before, third), isSignedWith(after, third)]).toEqual([false, true])
  })
})
