import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../src/eventually.ts'
import { startTcpProxy, type TcpProxy } from '../src/tcp-proxy.ts'

let echo: Server
let proxy: TcpProxy
const clients: Client[] = []

beforeAll(async () => {
  echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  const address = echo.address()
  proxy = await startTcpProxy({ host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 })
})
afterAll(async () => {
  for (const { socket } of clients) socket.destroy()
  await proxy.close()
  await new Promise((resolve) => echo.close(resolve))
})

/** A connection through the proxy to a server that sends everything back. */
class Client {
  readonly socket: Socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  received = ''
  fate = ''
  constructor() {
    clients.push(this)
    this.socket.on('data', (piece) => {
      this.received += piece
    })
    this.socket.on('end', () => {
      this.fate ||= 'ended'
    })
    this.socket.on('error', (error) => {
      this.fate = 'code' in error ? String(error.code) : error.message
    })
  }
  async echoes(text: string): Promise<void> {
    this.received = ''
    this.socket.write(text)
    await eventually(() => expect(this.received).toBe(text))
  }
}

describe('the TCP proxy', () => {
  it('passes data on, both ways', async () => {
    await new Client().echoes('hello')
  })

  it('resets what stands and refuses what comes when it is cut, until it is restored', async () => {
    const before = new Client()
    await before.echoes('a')
    proxy.cut()
    await eventually(() => expect(before.fate).toBe('ECONNRESET'))
    const during = new Client()
    await eventually(() => expect(during.fate).toBe('ECONNRESET'))
    proxy.restore()
    await new Client().echoes('b')
  })

  it('delivers in order what was frozen', async () => {
    const client = new Client()
    await client.echoes('first')
    client.received = ''
    proxy.freeze()
    client.socket.write('1')
    const other = new Client()
    other.socket.write('x')
    await eventually(() => expect(proxy.count()).toBe(2))
    client.socket.write('2')
    expect(client.received).toBe('')
    proxy.restore()
    await eventually(() => expect([client.received, other.received]).toEqual(['12', 'x']))
  })

  it('keeps the order of delayed pieces when the delay ends', async () => {
    const client = new Client()
    await client.echoes('first')
    client.received = ''
    proxy.delay(60)
    client.socket.write('1')
    await new Promise((resolve) => client.socket.write('2', resolve))
    proxy.delay(0)
    await eventually(() => expect(client.received).toBe('12'))
  })

  it('closes one half only, and the other still takes data', async () => {
    const client = new Client()
    await client.echoes('first')
    proxy.halfClose()
    await eventually(() => expect(client.fate).toBe('ended'))
    await new Promise<void>((resolve, reject) => client.socket.write('more', (e) => (e ? reject(e) : resolve())))
    expect([client.received, client.fate]).toEqual(['first', 'ended'])
  })
})
