import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { OpenApiPart } from '@platform/http/openapi.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { type Account, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'

let scheduler: Scheduler
let ana: Account
beforeAll(async () => {
  scheduler = await startScheduler()
})
beforeEach(async () => {
  ana = await scheduler.account()
})
afterAll(() => scheduler.stop())

type Shown = Success<{
  settings: { signing_secret: string; previous_signing_secret?: string; previous_signing_secret_until?: string }
}>
const ROTATE = '/jobs/settings/secret/rotate.json'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }

describe('How long the secret before is still used', () => {
  it.each<[string, string, string | undefined, Record<string, string>]>([
    ['in the query', `${ROTATE}?grace_hours=1`, undefined, {}],
    ['in a form', ROTATE, 'grace_hours=1', FORM],
    ['in JSON', ROTATE, '{"grace_hours":1}', JSON_TYPE],
    ['in JSON with single quotes', ROTATE, "{'grace_hours':1}", JSON_TYPE],
  ])('is said %s', async (_, path, body, headers) => {
    const { settings } = (await ana.send<Shown>('POST', path, body, headers)).body.success
    const until = new Date(scheduler.time.now() + 3_600_000).toISOString()
    expect(settings.previous_signing_secret_until).toBe(until)
  })

  it('may be not at all', async () => {
    const { settings } = (await ana.post<Shown>(ROTATE, { grace_hours: 0 })).body.success
    expect([settings.previous_signing_secret, settings.previous_signing_secret_until]).toEqual([undefined, undefined])
  })

  it('is a day when nothing is said', async () => {
    const until = new Date(scheduler.time.now() + 24 * 3_600_000).toISOString()
    for (const [path, body] of [[ROTATE], [ROTATE, { grace_hours: null }], [`${ROTATE}?x=1`, { grace_hours: null }]]) {
      const { settings } = (await ana.post<Shown>(String(path), body)).body.success
      expect(settings.previous_signing_secret_until).toBe(until)
    }
  })

  it.each([
    ['too long, in JSON', ROTATE, '{"grace_hours":169}', JSON_TYPE],
    ['a text, in JSON', ROTATE, '{"grace_hours":"1"}', JSON_TYPE],
    ['infinite, in JSON', ROTATE, '{"grace_hours":1e999}', JSON_TYPE],
    ['infinite, in a form', ROTATE, 'grace_hours=1e999', FORM],
    ['infinite, in the query', `${ROTATE}?grace_hours=1e999`, undefined, {}],
    ['below nothing, in a form', ROTATE, 'grace_hours=-1', FORM],
  ])('is refused: %s', async (_, path, body, headers) => {
    const answer = await ana.send<Refused>('POST', path, body, headers)
    expect([answer.status, Object.keys(answer.body.error)]).toEqual([400, ['grace_hours']])
  })
})

describe('An Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'once' }

  it('gives the secret of the first rotation again, and the one before is not lost', async () => {
    const before = (await ana.get<Shown>('/jobs/settings.json')).body.success.settings
    const first = await ana.post<Shown>(ROTATE, { grace_hours: 1 }, headers)
    const again = await ana.post<Shown>(ROTATE, { grace_hours: 1 }, headers)
    expect(again.body).toEqual(first.body)
    expect(first.body.success.settings.previous_signing_secret).toBe(before.signing_secret)
    expect(again.headers['cache-control']).toBe('no-store')
    expect((await ana.get<Shown>('/jobs/settings.json')).body).toEqual(first.body)
    expect((await ana.post(ROTATE, { grace_hours: 2 }, headers)).status).toBe(409)
  })

  it('gives the answer of a change again', async () => {
    const first = await ana.put('/jobs/settings.json', { legacy_status: false }, headers)
    await ana.post(ROTATE, {})
    expect((await ana.put('/jobs/settings.json', { legacy_status: false }, headers)).body).toEqual(first.body)
    expect((await ana.put('/jobs/settings.json', { legacy_status: true }, headers)).status).toBe(409)
  })

  it('keeps no secret in clear text, and no answer that opens for somebody else', async () => {
    const { settings } = (await ana.post<Shown>(ROTATE, {}, headers)).body.success
    const [row] = await scheduler.query<{ answer: string }>(
      'select answer from scheduler.idempotency_key where owner = $1',
      [ana.id],
    )
    expect(row?.answer).toMatch(/^[A-Za-z0-9+/=]+$/)
    expect(row?.answer).not.toContain(settings.signing_secret.slice(6))
    const ben = await scheduler.account()
    await ben.post(ROTATE, {}, headers)
    await scheduler.query('update scheduler.idempotency_key set answer = $2 where owner = $1', [ben.id, row?.answer])
    expect((await ben.post(ROTATE, {}, headers)).status).toBe(500)
  })

  it('is not spoken of where nothing is changed', async () => {
    const internal = new ServiceCaller(scheduler.url, DEVELOPMENT_SECRET, {}, { issuer: 'internal' })
    const { paths } = (await internal.get<OpenApiPart>('/internal/openapi.json')).body
    const takesKey = (path: string) => JSON.stringify(paths[path]).includes('IdempotencyKey')
    expect([ROTATE, '/jobs/preview.json'].map(takesKey)).toEqual([true, false])
  })
})
