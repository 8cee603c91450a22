import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { INNER_TARGET } from '../src/jobs/uri.ts'
import { TargetGuard } from '../src/sending/target-guard.ts'
import { type Account, type Refused, type Scheduler, type Success, startScheduler } from './harness.ts'
import { startTarget, status, type Target } from './target.ts'

/** What names resolve to, as a test wants it: one answer a question, the last one for ever. */
const names = new Map<string, string[][]>()
async function lookup(hostname: string) {
  const answers = names.get(hostname)
  if (!answers) throw new Error(`getaddrinfo ENOTFOUND ${hostname}`)
  const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? []
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget()
  scheduler = await startScheduler({ lookup, env: { ALLOWED_INNER_TARGETS: '', CONNECT_TIMEOUT_MS: '500' } })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const at = () => scheduler.time.date().toISOString()

const INNER = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '017700000001',
  '0177.0.0.01',
  '127.0.0.1.',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  // Where clouds tell a machine its secrets: Azure, Alibaba, Oracle.
  '168.63.129.16',
  '0xa83f8110',
  '100.100.100.200',
  '192.0.0.192',
  '192.0.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:168.63.129.16]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fc00::1]',
  '[fe80::1]',
  '[ff02::1]',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
]

describe('A target inside a network', () => {
  it.each(INNER)('is refused as %s when the job is made, and as a callback', async (host) => {
    const job = { at: at(), uri: `http://${host}:${target.port}/`, callback_uri: `https://${host}/` }
    const answer = await ana.post<Refused>('/jobs.json', { job })
    expect(answer.status).toBe(400)
    expect(answer.body.error).toEqual({ uri: INNER_TARGET, callback_uri: INNER_TARGET })
  })

  it('is refused by a name that leads there, and by one that leads there among others', async () => {
    names.set('inner.example.com', [['10.1.2.3']])
    names.set('mixed.example.com', [['93.184.216.34', '::1']])
    for (const host of ['inner.example.com', 'mixed.example.com']) {
      const answer = await ana.post<Refused>('/jobs.json', { job: { at: at(), uri: `http://${host}/` } })
      expect([answer.status, answer.body.error]).toEqual([400, { uri: INNER_TARGET }])
    }
  })

  it('is refused when a job is changed', async () => {
    names.set('good.example.com', [['93.184.216.34']])
    const id = await ana.schedule({
      at: new Date(scheduler.time.now() + 60_000).toISOString(),
      uri: 'http://good.example.com/',
    })
    const answer = await ana.put<Refused>(`/jobs/${id}.json`, { job: { uri: 'http://10.0.0.1/' } })
    expect([answer.status, answer.body.error]).toEqual([400, { uri: INNER_TARGET }])
    await ana.delete(`/jobs/${id}.json`)
  })

  it.each(['http', 'https'])(
    'is refused at the connection when its name changes after the check (%s)',
    async (scheme) => {
      const host = `rebound-${scheme}.example.com`
      names.set(host, [['93.184.216.34'], ['127.0.0.1']])
      const id = await ana.schedule({ at: at(), uri: `${scheme}://${host}:${target.port}/rebound` })
      await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
      const [attempt] = await ana.attempts(id)
      expect(attempt).toMatchObject({
        outcome: 'refused',
        error: `${host} (127.0.0.1) is refused: loopback 127.0.0.1`,
      })
      expect(target.at('/rebound')).toEqual([])
    },
  )

  it('is shown by the preview, with what its name leads to and the rule', async () => {
    names.set('preview.example.com', [['192.168.7.7']])
    const { body } = await ana.post<Success<{ preview: { target: unknown } }>>('/jobs/preview.json', {
      job: { at: at(), uri: 'http://preview.example.com/x' },
    })
    expect(body.success.preview.target).toEqual({
      host: 'preview.example.com:80',
      addresses: ['192.168.7.7'],
      allowed: false,
      rule: 'private 192.168.7.7',
    })
  })

  it('may be reached when a setting allows its range, and only that', () => {
    const guard = new TargetGuard(['127.0.0.0/8', 'fd00::/8'], lookup)
    for (const address of ['127.0.0.1', '127.255.0.1', '::ffff:127.0.0.1', 'fd00::1', '[fd00::1]']) {
      expect(guard.refusalOf(address)).toBeUndefined()
    }
    for (const address of ['10.0.0.1', '::1', 'fe80::1%eth0', 'nonsense', '']) {
      expect(guard.refusalOf(address)).toEqual(expect.any(String))
    }
  })
})

describe('A redirect into a network', () => {
  it('is not followed', async () => {
    const open = await startScheduler({ lookup })
    const ben = await open.account()
    target.answer('/redirects', status(307, { location: 'http://169.254.169.254/latest/meta-data' }))
    const id = await ben.schedule({ at: open.time.date().toISOString(), uri: `${target.url}/redirects` })
    await eventually(async () => expect((await ben.job(id)).status).toBe('retrying'))
    expect(await ben.attempts(id)).toEqual([expect.objectContaining({ status: 307, outcome: 'failed' })])
    await open.stop()
  })
})
