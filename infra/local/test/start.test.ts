import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { isFree } from '@platform/local/ports.ts'
import { commandLine } from '@platform/local/process-list.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { eventually } from '@platform/testing/eventually.ts'

jest.setTimeout(120_000)

let folder: string
let occupant: Server
let takenPort: number
const children: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'start-test-'))
  chmodSync(folder, 0o711)
  occupant = createServer()
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
  const address = occupant.address()
  takenPort = typeof address === 'object' && address ? address.port : 0
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await new Promise((resolve) => occupant.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

/** `pnpm start` without pnpm, with data and ports of its own. */
class Start {
  lines: string[] = []
  readonly ended: Promise<number | null>
  readonly child: ChildProcess
  constructor() {
    const env = {
      PATH: process.env.PATH,
      DATA_FOLDER: folder,
      PORT: String(takenPort),
      NO_COLOR: '1',
      LOG_LEVEL: 'warn',
    }
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
    const child = spawn(process.execPath, ['infra/local/src/start.ts'], { cwd: ROOT, env, stdio })
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(line))
    this.ended = new Promise((resolve) => child.once('exit', resolve))
    this.child = child
    children.push(child)
  }
  async ready(): Promise<this> {
    await eventually(() => expect(this.lines.join('\n')).toMatch(/^Ready in/m))
    return this
  }
  /** What the summary says behind `name`. */
  value(name: string): string {
    const row = this.lines.find((line) => line.trimStart().startsWith(`${name} `))
    return row?.trim().slice(name.length).trim() ?? ''
  }
  get url(): string {
    return this.value('Gateway')
  }
  async get(path: string, headers: Record<string, string>): Promise<Response> {
    return fetch(`${this.url}${path}`, { headers })
  }
}

/** What a start runs: the processes, their servers, and its guard. */
function processIds({ child: { pid } }: Start): number[] {
  const list =
    process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      : execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  return list.trim().split(/\s+/).map(Number)
}

describe('start', () => {
  it('comes up from nothing, beside a port that is taken, with a demo account that works', async () => {
    const start = await new Start().ready()
    expect(start.lines[0]).toBe(`Port ${takenPort} is taken: the gateway listens on ${new URL(start.url).port}.`)
    const withKey = await start.get('/groups', { 'x-api-key': start.value('API key') })
    const withToken = await start.get('/accounts/me', { authorization: `Bearer ${start.value('Token')}` })
    expect([withKey.status, withToken.status]).toEqual([200, 200])
    expect(await withToken.json()).toMatchObject({ email: 'demo@example.com' })
    expect((await start.get('/docs', {})).status).toBe(200)
    expect(statSync(join(folder, 'secrets.json')).mode & 0o777).toBe(0o600)

    await eventually(() => expect(start.lines.join('\n')).toContain('a robot with a week of captures'))
    const timeline = await start.get('/moments?limit=2', { 'x-api-key': start.value('API key') })
    const { total, data } = (await timeline.json()) as { total: number; data: { media: { uri: string }[] }[] }
    expect(total).toBeGreaterThan(20)
    const picture = await fetch(data[0]?.media[0]?.uri ?? '')
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg'])

    const pids = processIds(start)
    expect(pids.length).toBeGreaterThanOrEqual(5)
    start.child.kill('SIGINT')
    start.child.kill('SIGINT')
    expect(await start.ended).toBe(0)
    await eventually(() => expect(pids.filter((pid) => commandLine(pid))).toEqual([]))
    expect(await isFree(Number(new URL(start.url).port))).toBe(true)
  })

  it('goes on with its data, refuses a second start on it, and brings back what crashes', async () => {
    const start = await new Start().ready()
    const created = await fetch(`${start.url}/groups`, {
      method: 'POST',
      headers: { 'x-api-key': start.value('API key'), 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Runners', description: 'Run', shortName: 'runners', postRules: 'Everyone' }),
    })
    expect(created.status).toBe(201)

    const second = new Start()
    expect(await second.ended).toBe(1)
    expect(second.lines.join('\n')).toContain(`The platform runs already on ${folder} (process ${start.child.pid}).`)

    const groups = processIds(start).find((pid) => commandLine(pid)?.includes('services/groups'))
    process.kill(groups ?? 0, 'SIGKILL')
    await eventually(() => expect(start.lines.join('\n')).toContain('groups ended unexpectedly (SIGKILL)'))
    await eventually(() => expect(start.lines.join('\n')).toContain('groups is back'))
    await eventually(async () => {
      expect((await start.get('/groups', { 'x-api-key': start.value('API key') })).status).toBe(200)
    })

    const pids = processIds(start)
    start.child.kill('SIGKILL')
    await eventually(() => expect(pids.filter((pid) => commandLine(pid))).toEqual([]))
  })

  it('starts again after it was killed, with the same account and its data', async () => {
    const start = await new Start().ready()
    const groups = await start.get('/groups', { 'x-api-key': start.value('API key') })
    expect(await groups.json()).toMatchObject({ total: 1, data: [{ shortName: 'runners' }] })
    start.child.kill('SIGTERM')
    expect(await start.ended).toBe(0)
  })
})
