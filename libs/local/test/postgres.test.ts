import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type LocalPostgres, startPostgres } from '@platform/local/postgres.ts'
import { isRunning } from '@platform/local/process-list.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { onServer } from '@platform/testing/server.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postgres-test-'))
  chmodSync(folder, 0o711)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs `work` on a server in the folder, and stops it. */
async function withServer<T>(work: (server: LocalPostgres) => Promise<T>): Promise<T> {
  const server = await startPostgres({ folder, durable: false })
  try {
    return await work(server)
  } finally {
    await server.stop()
  }
}

const rows = ({ url }: LocalPostgres) =>
  onServer(url, async (client) => (await client.query('select text from kept')).rows)

describe('the embedded PostgreSQL', () => {
  it('makes a cluster, and keeps its data for the next start', async () => {
    await withServer(({ url }) => onServer(url, (client) => client.query(`create table kept as select 'Å' as text`)))
    expect(await withServer(rows)).toEqual([{ text: 'Å' }])
  })

  it('keeps a password of its own, which others may not read', async () => {
    expect(statSync(join(folder, 'password')).mode & 0o777).toBe(0o600)
    await withServer(async ({ url }) => {
      const address = new URL(url)
      address.password = 'guess'
      await expect(onServer(address.href, async () => {})).rejects.toThrow('password authentication failed')
    })
  })

  it('says what went wrong when it cannot start', async () => {
    await withServer(async ({ port }) => {
      const other = mkdtempSync(join(tmpdir(), 'postgres-test-'))
      chmodSync(other, 0o711)
      await expect(startPostgres({ folder: other, port, durable: false })).rejects.toThrow(/Address already in use/)
      rmSync(other, { recursive: true, force: true })
    })
  })

  it('starts over a lock file whose process id is somebody else by now', async () => {
    const lock = join(folder, 'data', 'postmaster.pid')
    writeFileSync(lock, `${process.pid}\n${join(folder, 'data')}\n1\n5432\n\n\n0 0\nready\n`)
    expect(await withServer(rows)).toEqual([{ text: 'Å' }])
    expect(existsSync(lock)).toBe(false)
  })

  it('does not outlive a process that is killed, and starts again at once', async () => {
    const holder = await holdServer()
    holder.child.kill('SIGKILL')
    expect(await withServer(rows)).toEqual([{ text: 'Å' }])
    await eventually(() => expect(isRunning(holder.pid, folder)).toBe(false))
  })

  it('ends by itself when its parent is killed', async () => {
    const holder = await holdServer()
    expect(isRunning(holder.pid, folder)).toBe(true)
    holder.child.kill('SIGKILL')
    await eventually(() => expect(isRunning(holder.pid, folder)).toBe(false))
    expect(readFileSync(join(folder, 'postgres.log'), 'utf8')).toContain('database system is shut down')
  })
})

/** Starts a process that starts a server and then does nothing. */
async function holdServer(): Promise<{ child: ChildProcess; pid: number }> {
  const program = `
    import { startPostgres } from ${JSON.stringify(join(ROOT, 'libs/local/src/postgres.ts'))}
    const server = await startPostgres({ folder: ${JSON.stringify(folder)}, durable: false })
    console.log(server.pid)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<number>((resolve) => child.stdout.once('data', (text) => resolve(Number(text))))
  return { child, pid }
}
