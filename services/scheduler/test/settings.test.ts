import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
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
    const { settings } = (await ana.post<Shown>(ROTATE)).body.success
    const until = new Date(scheduler.time.now() + 24 * 3_600_000).toISOString()
    expect(settings.previous_signing_secret_until).toBe(until)
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
