import { createServer as createTcpServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { guardedConnector } from '../src/sending/connector.ts'
import { TargetGuard } from '../src/sending/target-guard.ts'
import { type Account, type Scheduler, startScheduler } from './harness.ts'
import { startTarget, type Target } from './target.ts'

const names = new Map<string, string>()
const lookup = async (hostname: string) => [{ address: names.get(hostname) ?? '', family: 4 }]

let scheduler: Scheduler
let target: Target
let ana: Account
beforeAll(async () => {
  target = await startTarget('0.0.0.0')
  scheduler = await startScheduler({ lookup, env: { ALLOWED_INNER_TARGETS: '127.0.0.0/8' } })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

const after = (ms: number) => new Date(scheduler.time.now() + ms).toISOString()
const hasStatus = (id: string, expected: string) =>
  eventually(async () => expect((await ana.job(id)).status).toBe(expected))

describe('The address of an attempt', () => {
  it('is none when there was no connection, whatever earlier ones of its target had', async () => {
    names.set('moves.example.com', '127.0.0.1')
    const uri = `http://moves.example.com:${target.port}/moves`
    target.answer('/moves', (res) => res.writeHead(200, { connection: 'close' }).end())
    const [first, second] = [await ana.schedule({ at: after(0), uri }), await ana.schedule({ at: after(60_000), uri })]
    await hasStatus(first, 'succeeded')
    expect((await ana.attempts(first))[0]).toMatchObject({ address: '127.0.0.1' })
    names.set('moves.example.com', '10.0.0.1')
    scheduler.time.advance(60_000)
    await hasStatus(second, 'retrying')
    const [attempt] = await ana.attempts(second)
    expect(attempt).toMatchObject({ outcome: 'refused' })
    expect(attempt).not.toHaveProperty('address')
    await ana.post(`/jobs/${second}/cancel.json`)
  })

  it("is its own connection's, also when a later one of the same target goes elsewhere", async () => {
    let end = () => {}
    target.answer('/held', (res) => {
      end = () => res.end()
    })
    const uriOf = (path: string) => `http://two.example.com:${target.port}${path}`
    names.set('two.example.com', '127.0.0.1')
    const held = await ana.schedule({ at: after(0), uri: uriOf('/held') })
    await eventually(() => expect(target.at('/held')).toHaveLength(1))
    names.set('two.example.com', '127.0.0.2')
    const other = await ana.schedule({ at: after(0), uri: uriOf('/other') })
    await hasStatus(other, 'succeeded')
    end()
    await hasStatus(held, 'succeeded')
    const addresses = await Promise.all([held, other].map(async (id) => (await ana.attempts(id))[0]?.address))
    expect(addresses).toEqual(['127.0.0.1', '127.0.0.2'])
  })
})

describe('A connection', () => {
  /** A server that counts who connects. */
  async function startCounter() {
    const sockets: Socket[] = []
    const server = createTcpServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {}).resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return {
      port: typeof address === 'object' && address ? address.port : 0,
      count: () => sockets.length,
      stop: async () => {
        for (const socket of sockets) socket.destroy()
        await new Promise<void>((resolve) => server.close(() => resolve()))
      },
    }
  }

  it.each(['http', 'https'])(
    'is not made to a literal address that may not be reached any more (%s)',
    async (scheme) => {
      const counter = await startCounter()
      const strict = await startScheduler({ env: { ALLOWED_INNER_TARGETS: '' } })
      const ben = await strict.account()
      const at = new Date(strict.time.now() + 60_000).toISOString()
      const id = await ben.schedule({ at, uri: `${scheme}://93.184.216.34/` })
      // As it would be stored, had it been allowed then.
      const uri = `${scheme}://127.0.0.1:${counter.port}/`
      await strict.query('update scheduler.job set uri = $2 where id = $1', [id, uri])
      strict.time.advance(60_000)
      await eventually(async () => expect((await ben.job(id)).status).toBe('retrying'))
      expect(await ben.attempts(id)).toMatchObject([
        { outcome: 'refused', error: '127.0.0.1 (127.0.0.1) is refused: loopback 127.0.0.1' },
      ])
      expect(counter.count()).toBe(0)
      await strict.stop()
      await counter.stop()
    },
  )

  it('is dropped when its peer is not where its name was said to lead', async () => {
    /** Sees a public address, while the socket goes to another one. */
    class Deceived extends TargetGuard {
      override async resolve(hostname: string) {
        const { addresses } = await super.resolve(hostname)
        return { addresses, found: [{ address: '127.0.0.1', family: 4 }] }
      }
    }
    const counter = await startCounter()
    const guard = new Deceived([], async () => [{ address: '93.184.216.34', family: 4 }])
    const connect = guardedConnector(guard, 5_000)
    const wish = { hostname: 'public.example.com', protocol: 'http:', port: String(counter.port) }
    const result = await new Promise((resolve) => connect(wish, (...[error]) => resolve(error)))
    expect(result).toMatchObject({
      name: 'TargetRefused',
      message: 'public.example.com (127.0.0.1) is refused: loopback 127.0.0.1',
    })
    // It was there, so nothing but the look at the peer can have refused it.
    await eventually(() => expect(counter.count()).toBe(1))
    await counter.stop()
  })
})
