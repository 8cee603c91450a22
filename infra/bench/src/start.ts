import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardChild } from '@platform/local/guard.ts'
import { freePort } from '@platform/local/ports.ts'
import { mainFile, ROOT } from '@platform/platform/paths.ts'
import { PROCESSES } from '@platform/platform/registry.ts'
import { sendAll } from './load.ts'
import { type Row, report } from './report.ts'
import { temporaryFolder } from './surroundings.ts'

/**
 * What `pnpm start` takes: how long until it is ready, installed and with data, and how much memory its processes have
 * when nothing has happened yet, and after 100,000 requests through the gateway. Memory is counted so that what
 * processes share counts once (PSS, Linux only).
 */

const STARTS = 3
const REQUESTS = 100_000
const CONNECTIONS = 16
const SETTLE_SECONDS = 30

/** A platform that was started as people start it. */
interface Started {
  child: ChildProcess
  readySeconds: number
  url: string
  token: string
}

async function start(folder: string): Promise<Started> {
  const child = spawn(process.execPath, [join(ROOT, 'infra/local/src/start.ts')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_FOLDER: folder, PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  guardChild(child, 'SIGTERM')
  const said: Record<string, string> = {}
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    const [, name, value] = /^\s*(Gateway|Token|Ready in)\s+(\S+)/.exec(line) ?? []
    if (name && value) said[name] = value
    if (name === 'Ready in') break
  }
  child.stdout.resume()
  const { Gateway: url, Token: token, 'Ready in': seconds } = said
  if (!url || !token || !seconds) throw new Error(`The platform did not start:\n${lines.join('\n')}`)
  return { child, readySeconds: Number(seconds), url, token }
}

async function stop({ child }: Started): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null) await once(child, 'exit')
}

/** MB of each process of the platform that `start` has begun, by name. */
function memoryOf({ child }: Started): Map<string, number> {
  const memory = new Map<string, number>()
  for (const pid of readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean)) {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    const target = PROCESSES.find((process) => command.includes(mainFile(process)))
    const kB = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
    if (target) memory.set(target.name, Math.round(Number(kB) / 1_024))
  }
  return memory
}

const sum = (memory: Map<string, number>) => [...memory.values()].reduce((all, one) => all + one, 0)

const folder = temporaryFolder()
let running: Started | undefined
try {
  await stop(await start(folder))
  const seconds: number[] = []
  for (let i = 0; i < STARTS; i++) {
    if (running) await stop(running)
    running = await start(folder)
    seconds.push(running.readySeconds)
  }
  if (!running) throw new Error('Nothing was started.')
  await sleep(5_000)
  const idle = memoryOf(running)
  const headers = { authorization: `Bearer ${running.token}` }
  const paths = ['/groups', '/users/c0a8f1de-35c4-4c4e-9f52-6f0d4d8d3a11/posts', '/posts/suggested', '/jobs.json']
  const requests = Array.from({ length: REQUESTS }, (_, i) => ({
    method: 'GET' as const,
    path: paths[i % paths.length] ?? '/',
    headers,
  }))
  await sendAll(running.url, requests, CONNECTIONS)
  await sleep(SETTLE_SECONDS * 1_000)
  const after = memoryOf(running)
  const rows: Row[] = [...idle].map(([name, mb]) => ({
    process: name,
    'idle MB': mb,
    'after MB': after.get(name) ?? 0,
  }))
  rows.push({ process: 'together', 'idle MB': sum(idle), 'after MB': sum(after) })
  report('start', rows, [
    { what: 'seconds until it is ready, the slowest of three', reached: Math.max(...seconds), wanted: { atMost: 6 } },
    { what: 'MB together, idle', reached: sum(idle), wanted: { atMost: 600 } },
    { what: `MB together, after ${REQUESTS} requests`, reached: sum(after), wanted: { atMost: 600 } },
    { what: 'of that, to idle', reached: Number((sum(after) / sum(idle)).toFixed(2)), wanted: { atMost: 1.1 } },
  ])
} finally {
  if (running) await stop(running)
  rmSync(folder, { recursive: true, force: true })
}
