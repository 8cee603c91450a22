import { createHmac, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { loadConfig } from '../src/config.ts'
import { JobSecrets } from '../src/secrets/job-secrets.ts'
import { type Account, type Scheduler, type Success, startScheduler } from './harness.ts'
import { type Received, startTarget, type Target } from './target.ts'

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

type Shown = Success<{ settings: { signing_secret: string; previous_signing_secret?: string } }>

const now = () => scheduler.time.date().toISOString()
const LATER = '2030-01-31T18:36:21Z'
const settingsOf = async (account: Account) => (await account.get<Shown>('/jobs/settings.json')).body.success.settings

const first = (path: string): Promise<Received> =>
  eventually(() => {
    const [received] = target.at(path)
    if (!received) throw new Error(`Nothing came to ${path}.`)
    return received
  })

function signatureBy(secret: string, { headers, body }: Received): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`
}

/** Everything that the service's schema holds. */
async function dump(): Promise<string> {
  const tables = await scheduler.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'scheduler'",
  )
  const rows = []
  for (const { name } of tables) rows.push(await scheduler.query(`select t::text from ${name} t`))
  return JSON.stringify(rows)
}

const columns = async (id: string) => {
  const [row] = await scheduler.query<{ headers: string; secret: string; previous: string | null }>(
    `select headers::text, signing_secret as secret, previous_secret as previous
     from scheduler.job join scheduler.account_setting using (account_id) where id = $1`,
    [id],
  )
  return row
}

describe('The database', () => {
  it('holds no secret in clear text: neither headers nor what is signed with', async () => {
    const secret = randomBytes(18).toString('hex')
    const job = (n: number) => ({ at: LATER, uri: 'http://yourapp.com', headers: { 'X-Key': `${secret}${n}` } })
    const id = await ana.schedule(job(1))
    await ana.post('/jobs/batch.json', { jobs: [job(2), job(3)] }, { 'idempotency-key': 'sealed' })
    await ana.put(`/jobs/${id}.json`, { job: { headers: { Authorization: `Bearer ${secret}` } } })
    const before = await settingsOf(ana)
    await ana.post('/jobs/settings/secret/rotate.json')
    const after = await settingsOf(ana)
    expect(after.previous_signing_secret).toBe(before.signing_secret)
    const text = await dump()
    expect(text).toContain('Authorization')
    for (const clear of [secret, before.signing_secret.slice(6), after.signing_secret.slice(6), 'whsec_']) {
      expect([clear, text.includes(clear)]).toEqual([clear, false])
    }
    expect((await ana.job(id)).headers).toEqual({ Authorization: '[redacted]' })
  })

  it('gives them back for the request, which has the headers and the right signature', async () => {
    const headers = { 'X-Key': 'käse', Authorization: 'Bearer 123' }
    await ana.schedule({ at: now(), uri: `${target.url}/sealed`, headers, body: 'x' })
    const received = await first('/sealed')
    expect(received.headers).toMatchObject({ authorization: 'Bearer 123' })
    expect(Buffer.from(String(received.headers['x-key']), 'latin1').toString('latin1')).toBe('käse')
    const { signing_secret, previous_signing_secret } = await settingsOf(ana)
    expect(String(received.headers['webhook-signature']).split(' ')).toEqual(
      [signing_secret, previous_signing_secret ?? ''].map((secret) => signatureBy(secret, received)),
    )
  })
})

describe('Rows from before there was a seal', () => {
  /** As they were written then. */
  async function writeClear(id: string, account: Account, secret: string) {
    await scheduler.query('update scheduler.job set headers = $2 where id = $1', [id, { 'X-Old': 'clear', names: 'a' }])
    await scheduler.query('update scheduler.account_setting set signing_secret = $2 where account_id = $1', [
      account.id,
      secret,
    ])
  }
  const secret = `whsec_${randomBytes(32).toString('base64')}`

  it('are read as they are', async () => {
    const bo = await scheduler.account()
    const at = new Date(scheduler.time.now() + 60_000).toISOString()
    const id = await bo.schedule({ at, uri: `${target.url}/clear`, headers: { 'X-Old': 'x' } })
    await writeClear(id, bo, secret)
    expect((await settingsOf(bo)).signing_secret).toBe(secret)
    expect((await bo.job(id)).headers).toEqual({ 'X-Old': '[redacted]', names: '[redacted]' })
    scheduler.time.advance(60_000)
    const received = await first('/clear')
    expect(received.headers).toMatchObject({ 'x-old': 'clear', names: 'a' })
    expect(received.headers['webhook-signature']).toBe(signatureBy(secret, received))
  })

  it('are sealed when they are written the next time', async () => {
    const bo = await scheduler.account()
    const id = await bo.schedule({ at: LATER, uri: 'http://yourapp.com', headers: { 'X-Old': 'x' } })
    await writeClear(id, bo, secret)
    await bo.put(`/jobs/${id}.json`, { job: { method: 'PUT' } })
    await bo.put('/jobs/settings.json', { legacy_status: false })
    const row = await columns(id)
    expect(row?.headers).toContain('"sealed": "v1.')
    expect(row?.headers).not.toContain('clear')
    expect([row?.secret.slice(0, 3), row?.previous]).toEqual(['v1.', null])
    expect((await settingsOf(bo)).signing_secret).toBe(secret)

    await writeClear(id, bo, secret)
    await bo.post('/jobs/settings/secret/rotate.json')
    expect((await columns(id))?.previous?.slice(0, 3)).toBe('v1.')
    expect((await settingsOf(bo)).previous_signing_secret).toBe(secret)
  })
})

describe('A secret that does not open', () => {
  it('fails the attempt, and the job is tried again', async () => {
    const at = new Date(scheduler.time.now() + 60_000).toISOString()
    const id = await ana.schedule({ at, uri: `${target.url}/locked`, headers: { 'X-Key': 'x' } })
    const other = new JobSecrets('x'.repeat(32)).sealHeaders(id, { 'X-Key': 'x' })
    await scheduler.query('update scheduler.job set headers = $2 where id = $1', [id, other])
    scheduler.time.advance(60_000)
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    expect(await ana.attempts(id)).toMatchObject([{ outcome: 'failed', error: 'its secrets could not be read' }])
    expect(target.at('/locked')).toEqual([])
    await ana.post(`/jobs/${id}/cancel.json`)
  })

  it('is not what is blamed when the request cannot be made for another reason', async () => {
    const at = new Date(scheduler.time.now() + 60_000).toISOString()
    const id = await ana.schedule({ at, uri: `${target.url}/broken`, headers: { 'X-Key': 'x' } })
    await scheduler.query("update scheduler.job set uri = 'nowhere' where id = $1", [id])
    scheduler.time.advance(60_000)
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    expect(await ana.attempts(id)).toMatchObject([{ outcome: 'failed', error: expect.stringContaining('Invalid URL') }])
    await ana.post(`/jobs/${id}/cancel.json`)
  })
})

describe('JOB_SECRETS_KEY', () => {
  const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(32)]

  it('may be changed: the first one seals, all open', () => {
    const headers = new JobSecrets(OLD).sealHeaders('job', { a: 'b' })
    const signing = new JobSecrets(OLD).sealSigning('account', 'whsec_x')
    const both = new JobSecrets(`${NEW},${OLD}`)
    expect([both.openHeaders('job', headers), both.openSigning('account', signing)]).toEqual([{ a: 'b' }, 'whsec_x'])
    expect(() => new JobSecrets(NEW).openHeaders('job', headers)).toThrow('JOB_SECRETS_KEY is not the one')
    expect(() => new JobSecrets(OLD).openHeaders('job', both.sealHeaders('job', { a: 'b' }))).toThrow()
  })

  it('opens for the job, or the account, that it was sealed for', () => {
    const secrets = new JobSecrets(OLD)
    expect(() => secrets.openHeaders('other', secrets.sealHeaders('job', { a: 'b' }))).toThrow()
    expect(() => secrets.openSigning('other', secrets.sealSigning('account', 'whsec_x'))).toThrow()
  })

  it('has to be given in production', () => {
    const env = { NODE_ENV: 'production', DATABASE_URL: 'postgres://x', ASSERTION_SECRET: 'x'.repeat(40) }
    expect(() => loadConfig(env)).toThrow('In production these secrets must be given: JOB_SECRETS_KEY.')
    expect(loadConfig({ ...env, JOB_SECRETS_KEY: NEW }).JOB_SECRETS_KEY).toBe(NEW)
  })
})
