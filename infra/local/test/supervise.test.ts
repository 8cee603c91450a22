import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type PlatformChild, startProcess } from '@platform/local/platform-process.ts'
import { freePort } from '@platform/local/ports.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Supervised, supervise } from '../src/supervise.ts'

const FILE = join(mkdtempSync(join(tmpdir(), 'supervise-')), 'main.mjs')
writeFileSync(
  FILE,
  `import { createServer } from 'node:http'
   if (process.env.BROKEN) { console.error('cannot begin: BROKEN is set'); process.exit(2) }
   const server = createServer((req, res) => {
     if (req.url === '/crash') { console.error('fatal: asked to'); process.exit(3) }
     res.end(String(process.pid))
   })
   server.listen(Number(process.env.PORT), '127.0.0.1')
   process.on('SIGTERM', () => { console.log('stopping'); process.exit(0) })`,
)

const started: Supervised<PlatformChild>[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((one) => one.stop()))
})

async function run(env: NodeJS.ProcessEnv = {}) {
  const said: string[] = []
  const lines: string[] = []
  const all = { PORT: String(await freePort()), ...env }
  const start = () => startProcess({ name: 'sample', file: FILE, env: all, onLine: (line) => void lines.push(line) })
  const sample = await supervise({ name: 'sample', start, say: (line) => void said.push(line), pauseMs: 20 })
  started.push(sample)
  return { sample, said, lines, ask: async (path = '/') => (await fetch(`${sample.current().url}${path}`)).text() }
}

describe('supervise', () => {
  it('starts a process that crashed again, on the same port, and says so', async () => {
    const { said, lines, ask } = await run()
    const before = await ask()
    await ask('/crash').catch(() => {})
    const after = await eventually(() => ask())
    expect(after).not.toBe(before)
    await eventually(() => expect(said).toHaveLength(2))
    expect(said[0]).toBe('sample ended unexpectedly (exit code 3). It is started again in 0.02 s; the others go on.')
    expect(said[1]).toBe('sample is back')
    expect(lines).toEqual(['fatal: asked to'])
  })

  it('waits longer after each crash', async () => {
    const { said, sample } = await run()
    for (let crash = 1; crash <= 3; crash++) {
      await sample.current().kill('SIGKILL')
      await eventually(() => expect(said).toHaveLength(2 * crash))
    }
    const pauses = said.filter((line) => /ended/.test(line)).map((line) => /in ([\d.]+) s/.exec(line)?.[1])
    expect(pauses).toEqual(['0.02', '0.04', '0.08'])
    expect(said[0]).toContain('(SIGKILL)')
  })

  it('gives up on what never comes up, with its last lines', async () => {
    await expect(run({ BROKEN: '1' })).rejects.toThrow(
      'sample ended while it was starting (exit code 2). Its last lines:\ncannot begin: BROKEN is set',
    )
  })

  it('stops it for good', async () => {
    const { sample, said, lines } = await run()
    await sample.stop()
    expect(await sample.current().ended).toBe('exit code 0')
    expect([said, lines]).toEqual([[], ['stopping']])
  })
})
