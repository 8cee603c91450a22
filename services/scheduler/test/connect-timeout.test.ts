import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '@platform/testing/eventually.ts'
import { type Account, type Scheduler, startScheduler } from './harness.ts'

// It listens, and then does nothing any more: what comes is the kernel's affair.
const DEAF = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
/** Longer than any handshake on the loopback interface takes. */
const NO_HANDSHAKE_MS = 1_000

/** A listening socket whose queue is full: the handshake of every further connection is never completed. */
async function startFullTarget() {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [piece] = await once(child.stdout, 'data')
  const port = Number(piece)
  const waiting: Socket[] = []
  let isFull = false
  while (!isFull && waiting.length < 100) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    waiting.push(socket)
    isFull = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), NO_HANDSHAKE_MS)
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve(false)
      })
    })
  }
  return {
    url: `http://127.0.0.1:${port}`,
    isFull,
    stop: async () => {
      for (const socket of waiting) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

let scheduler: Scheduler
let target: Awaited<ReturnType<typeof startFullTarget>>
let ana: Account
beforeAll(async () => {
  target = await startFullTarget()
  scheduler = await startScheduler({ env: { CONNECT_TIMEOUT_MS: '300', REQUEST_TIMEOUT_MS: '600000' } })
  ana = await scheduler.account()
})
afterAll(async () => {
  await scheduler.stop()
  await target.stop()
})

describe('A target that never completes the handshake', () => {
  it('ends the attempt when the time for a connection is over, and is tried again', async () => {
    expect(target.isFull).toBe(true)
    const at = scheduler.time.date().toISOString()
    const id = await ana.schedule({ at, uri: `${target.url}/` })
    await eventually(async () => expect((await ana.job(id)).status).toBe('retrying'))
    // The request as a whole had ten minutes: it was the connection's time that ended it.
    const [attempt, ...more] = await ana.attempts(id)
    expect(more).toEqual([])
    expect(attempt).toMatchObject({
      kind: 'request',
      outcome: 'failed',
      error: expect.stringMatching(/timeout: 300ms.*UND_ERR_CONNECT_TIMEOUT/),
    })
    expect(attempt).not.toHaveProperty('status')
    expect(attempt).not.toHaveProperty('first_byte_at')
    expect((await ana.job(id)).next_at).toBe(new Date(scheduler.time.now() + 10_000).toISOString())
    await ana.post(`/jobs/${id}/cancel.json`)
  })
})
