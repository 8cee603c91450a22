import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { guardChild } from './guard.ts'
import { freePort } from './ports.ts'
import { type Account, type ServerHome, serverAccount, serverHome } from './postgres-binaries.ts'
import { isRunning } from './process-list.ts'
import { endChild, type Running, whenEnded } from './running.ts'
import { waitFor } from './wait.ts'

/** An embedded PostgreSQL that runs as a child of this process. */
export interface LocalPostgres extends Running {
  /** The superuser's address in the database `postgres`. */
  url: string
  port: number
}

export interface PostgresOptions {
  /** For the data, the log and the superuser's password; made when it is missing, kept afterwards. */
  folder: string
  /** Default: any free one. */
  port?: number
  /** `false` trades the data's safety for speed: for tests only. Default true. */
  durable?: boolean
}

const START_MS = 30_000
const STOP_MS = 10_000
// Nothing of a test's cluster has to survive a power cut.
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0']

/**
 * Starts PostgreSQL 18 in `folder`, and makes a cluster there the first time. A server that was left behind in the
 * same folder, or its lock file, is cleared away first. As root it runs under another account.
 *
 * @throws Error with the server's last lines when it does not come up
 */
export async function startPostgres({ folder, port, durable = true }: PostgresOptions): Promise<LocalPostgres> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const account = serverAccount()
  const home = serverHome(folder, account)
  const password = ownPassword(join(folder, 'password'))
  await clearStaleServer(home.data)
  if (!existsSync(join(home.data, 'PG_VERSION'))) await initialise(home, account, { password, durable })
  giveTo(account, home.data)
  const chosen = port ?? (await freePort())
  const launched = { log: join(folder, 'postgres.log'), port: chosen, durable }
  const { child, ended } = await launch(home, account, launched)
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${chosen}/postgres`,
    port: chosen,
    pid: child.pid ?? 0,
    ended,
    // SIGINT: a 'fast' shutdown. SIGQUIT leaves the repair to the next start.
    stop: () => endChild(child, ended, { signal: 'SIGINT', graceMs: STOP_MS, force: 'SIGQUIT' }),
  }
}

function ownPassword(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

/** Makes the cluster beside its place and moves it there when complete: a half-made one is never taken for whole. */
async function initialise(
  home: ServerHome,
  account: Account | undefined,
  { password, durable }: { password: string; durable: boolean },
): Promise<void> {
  const unfinished = `${home.data}.new`
  const passwordFile = `${home.data}.password`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  giveTo(account, unfinished)
  giveTo(account, passwordFile)
  const settings = ['--auth=scram-sha-256', '--username=postgres', '--encoding=UTF8', ...(durable ? [] : ['--no-sync'])]
  // The built-in locale sorts and folds alike on every machine.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const flags = [`--pgdata=${unfinished}`, `--pwfile=${passwordFile}`, ...settings, ...locale]
  try {
    const making = promisify(execFile)(join(home.programs, 'initdb'), flags, { ...account, cwd: '/' })
    guardChild(making.child)
    await making
    renameSync(unfinished, home.data)
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

async function launch(
  home: ServerHome,
  account: Account | undefined,
  { log, port, durable }: { log: string; port: number; durable: boolean },
): Promise<{ child: ChildProcess; ended: Promise<string> }> {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    'shared_buffers=128MB',
    'log_line_prefix=%m ',
    ...(durable ? [] : FAST),
  ]
  const output = openSync(log, 'w')
  const child = spawn(
    join(home.programs, 'postgres'),
    ['-D', home.data, ...settings.flatMap((setting) => ['-c', setting])],
    { ...account, cwd: '/', detached: true, stdio: ['ignore', output, output], env: { ...process.env, LC_ALL: 'C' } },
  )
  closeSync(output)
  guardChild(child, 'SIGINT')
  const ended = whenEnded(child)
  let end: string | undefined
  void ended.then((how) => {
    end = how
  })
  try {
    // The last line of this file turns to 'ready' when connections are accepted: what pg_ctl looks at, too.
    await waitFor('PostgreSQL is not ready', () => end ?? (lockFile(home.data)[7] === 'ready' ? true : undefined), {
      timeoutMs: START_MS,
      everyMs: 10,
    })
  } catch (error) {
    child.kill('SIGQUIT')
    throw error
  }
  if (end !== undefined) {
    throw new Error(
      `PostgreSQL did not start (${end}):\n${readFileSync(log, 'utf8').split('\n').slice(-12).join('\n')}`,
    )
  }
  return { child, ended }
}

/** The lines of `postmaster.pid`, without blanks; none when there is no such file. */
function lockFile(data: string): string[] {
  const file = join(data, 'postmaster.pid')
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .map((line) => line.trim())
    : []
}

/**
 * A start that was killed leaves its server for a moment, and a machine that lost power leaves the server's lock file,
 * whose process id another process may have by now.
 */
async function clearStaleServer(data: string): Promise<void> {
  const pid = Number(lockFile(data)[0])
  if (!pid) return
  if (!isRunning(pid, data)) return rmSync(join(data, 'postmaster.pid'), { force: true })
  process.kill(pid, 'SIGINT')
  const gone = () => (isRunning(pid, data) ? undefined : true)
  await waitFor('The server that was left behind still runs', gone, { timeoutMs: STOP_MS }).catch(async () => {
    process.kill(pid, 'SIGQUIT')
    await waitFor(`PostgreSQL ${pid} still runs in ${data}`, gone, { timeoutMs: STOP_MS })
  })
}

function giveTo(account: Account | undefined, path: string): void {
  const owner = statSync(path).uid
  if (account && owner !== account.uid) execFileSync('chown', ['-R', `${account.uid}:${account.gid}`, path])
  const self = process.getuid?.()
  if (!account && self !== undefined && owner !== self) {
    throw new Error(`${path} belongs to another user. Start as that user, or remove the folder to begin anew.`)
  }
  if (statSync(path).isDirectory()) chmodSync(path, 0o700)
}
