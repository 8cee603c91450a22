import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { NameResolver } from '../src/sending/name-resolver.ts'
import { type Scheduler, startScheduler } from './harness.ts'
import { startNameServer } from './name-server.ts'
import { startTarget, type Target } from './target.ts'

const isSlow = (name: string) => name.endsWith('.slow.test')
const silentFamilies = new Map([
  ['only4.half.test', 6],
  ['only6.half.test', 4],
])
const names = new Map([
  ['both.test', ['2001:db8::1', '192.0.2.1', '192.0.2.2']],
  ['four.test', ['192.0.2.4']],
  ['six.test', ['2001:db8::6']],
  ['empty.test', []],
  ['only4.half.test', ['192.0.2.5']],
  ['only6.half.test', ['2001:db8::5']],
  ['target.test', ['127.0.0.1']],
])

let folder: string
let hostsFile: string
let server: Awaited<ReturnType<typeof startNameServer>>
let resolver: NameResolver
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'names-test-'))
  hostsFile = join(folder, 'hosts')
  writeFileSync(
    hostsFile,
    '10.1.1.1 here.test Alias.test # not.test\n::7\there.test\n# 10.1.1.2 not.test\nbad here.test\n',
  )
  server = await startNameServer(names, (name, family) => isSlow(name) || silentFamilies.get(name) === family)
  resolver = new NameResolver({ servers: [server.address], hostsFile })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const addressesOf = async (name: string) => (await resolver.lookup(name)).map(({ address }) => address)

describe('A name', () => {
  it.each([
    ['both.test', ['192.0.2.1', '192.0.2.2', '2001:db8::1']],
    ['both.test.', ['192.0.2.1', '192.0.2.2', '2001:db8::1']],
    ['four.test', ['192.0.2.4']],
    ['six.test', ['2001:db8::6']],
    ['only4.half.test', ['192.0.2.5']],
    ['only6.half.test', ['2001:db8::5']],
    ['here.test', ['10.1.1.1', '::7']],
    ['alias.test', ['10.1.1.1']],
    ['localhost', ['127.0.0.1', '::1']],
    ['app.localhost', ['127.0.0.1', '::1']],
  ])('%s has the addresses of both families, by the name server or the hosts file', async (name, addresses) => {
    expect(await addressesOf(name)).toEqual(addresses)
  })

  it.each([
    ['unknown.test', 'ENOTFOUND'],
    ['not.test', 'ENOTFOUND'],
    ['empty.test', 'ENODATA'],
    ['one.slow.test', 'ETIMEOUT'],
  ])('%s has none, and what the server said is told: %s', async (name, code) => {
    await expect(resolver.lookup(name)).rejects.toThrow(`${name} has no address (${code})`)
  })

  it('of the hosts file is not asked of a server, and changes with the file', async () => {
    expect(await addressesOf('here.test')).toEqual(['10.1.1.1', '::7'])
    expect(server.asked).not.toContain('here.test')
    writeFileSync(hostsFile, '10.1.1.3 here.test\n')
    await eventually(async () => expect(await addressesOf('here.test')).toEqual(['10.1.1.3']))
  })
})

describe('Names whose servers never answer', () => {
  let scheduler: Scheduler
  let target: Target
  const timesOut = { CONNECT_TIMEOUT_MS: '600000', REQUEST_TIMEOUT_MS: '600000', BODY_LIMIT_BYTES: '1048576' }
  beforeAll(async () => {
    target = await startTarget()
    scheduler = await startScheduler({ lookup: (name) => resolver.lookup(name), env: timesOut })
  })
  afterAll(async () => {
    await scheduler.stop()
    await target.stop()
  })
  const slow = (i: number) => `http://${i}.slow.test:${target.port}/`
  const asked = (part: string) => new Set(server.asked.filter((name) => name.includes(part)))

  it('keep no other account from being sent', async () => {
    const [ana, ben] = [await scheduler.account(), await scheduler.account()]
    const at = scheduler.time.date().toISOString()
    const jobs = Array.from({ length: 500 }, (_, i) => ({ at, uri: slow(i), limit: 1 }))
    expect((await ana.post('/jobs/batch.json', { jobs })).status).toBe(200)
    // As many as one account may have under way, one after the other.
    await eventually(() => expect(asked('.slow.test').size).toBeGreaterThan(200))
    const id = await ben.schedule({ at, uri: `http://target.test:${target.port}/quick` })
    await eventually(() => expect(target.at('/quick')).toHaveLength(1))
    expect((await ana.get('/jobs.json?status=succeeded')).body).toEqual({ success: { jobs: [] } })
    await eventually(async () => expect((await ben.attempts(id))[0]).toMatchObject({ address: '127.0.0.1' }))
  })
})

describe('A batch with thousands of names', () => {
  const batch = Array.from({ length: 1_000 }, (_, i) => ({
    at: '2030-01-31',
    uri: `http://a${i}.example.com/`,
    callback_uri: `http://b${i}.example.com/`,
    failure_callback_uri: `http://c${i}.example.com/`,
  }))
  const env = { BODY_LIMIT_BYTES: '1048576' }

  it('has only some of them looked up at a time, and each of them once', async () => {
    let underWay = 0
    let most = 0
    const seen: string[] = []
    const lookup = async (name: string) => {
      seen.push(name)
      underWay++
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay--
      return [{ address: name === 'c999.example.com' ? '10.0.0.1' : '93.184.216.34', family: 4 }]
    }
    const scheduler = await startScheduler({ lookup, env })
    const ana = await scheduler.account()
    const { status, body } = await ana.post('/jobs/batch.json', { jobs: batch })
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining('failure_callback_uri')])
    expect([seen.length, new Set(seen).size]).toEqual([3_000, 3_000])
    expect(most).toBeLessThanOrEqual(32)
    await scheduler.stop()
  })

  it('is answered when their servers are silent; a literal address is looked at all the same', async () => {
    const seen: string[] = []
    const lookup = (name: string) => {
      seen.push(name)
      return new Promise<never>(() => {})
    }
    const scheduler = await startScheduler({ lookup, env: { ...env, ALLOWED_INNER_TARGETS: '' } })
    const ana = await scheduler.account()
    expect((await ana.post('/jobs/batch.json', { jobs: batch })).status).toBe(200)
    expect(seen.length).toBeLessThan(3_000)
    const inner = { at: '2030-01-31', uri: 'http://10.0.0.1/' }
    const { status } = await ana.post('/jobs/batch.json', { jobs: [...batch.slice(1), inner] })
    expect(status).toBe(400)
    await scheduler.stop()
  })
})
