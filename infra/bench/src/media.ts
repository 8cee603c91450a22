import { spawn } from 'node:child_process'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { guardChild } from '@platform/local/guard.ts'
import { freePort } from '@platform/local/ports.ts'
import { endChild, whenEnded } from '@platform/local/running.ts'
import { waitFor } from '@platform/local/wait.ts'
import { createLogger } from '@platform/log/logger.ts'
import { openFileStore } from '@platform/moments/media/store/file-store.ts'
import { mediaKey } from '@platform/moments/media/store/media-key.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { load } from './load.ts'
import { hasNginx, startNginx } from './media/nginx.ts'
import { type Goal, type Row, report } from './report.ts'
import type { ServiceRequest } from './requests.ts'
import { compared, type Pair, ROUNDS, ratioOf, SECONDS } from './rounds.ts'
import { temporaryFolder } from './surroundings.ts'

/**
 * Measures the file store: 1 MB is read beside nginx with the same file, and uploaded beside a plain Node stream to the
 * same disk. The store also checks a signature, and for an upload the SHA-256. Rounds alternate; medians are compared.
 */

const BYTES = 1_000_000
const CONNECTIONS = 8
const SECRET = randomBytes(32).toString('hex')

const folder = temporaryFolder()
const stops: (() => Promise<void>)[] = []

/** Starts a server of this benchmark in a process of its own. */
async function startServer(name: string, env: Record<string, string>): Promise<string> {
  const port = await freePort()
  const file = join(ROOT, 'infra/bench/src/media', `${name}.ts`)
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, ...env, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  guardChild(child)
  const ended = whenEnded(child)
  stops.push(() => endChild(child, ended, { signal: 'SIGTERM', graceMs: 5_000 }))
  return listening(port)
}

async function startNginxOn(root: string): Promise<string> {
  const port = await freePort()
  stops.push(startNginx({ folder: join(folder, 'nginx'), root, port }))
  return listening(port)
}

async function listening(port: number): Promise<string> {
  const isOpen = () =>
    new Promise<true | undefined>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(undefined))
      socket.on('connect', () => socket.destroy())
    })
  await waitFor(`Nothing listens on port ${port}`, isOpen, { timeoutMs: 30_000 })
  return `http://127.0.0.1:${port}`
}

/** One side of a comparison: requests to a server, each connection with its own. */
interface Side {
  url: string
  requests: ServiceRequest[]
}

async function alternate(base: Side, measured: Side): Promise<Pair[]> {
  const run = ({ url, requests }: Side) => load(url, requests, { connections: CONNECTIONS, seconds: SECONDS })
  await run(base)
  await run(measured)
  const rounds: Pair[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { perSecond } = await run(base)
    rounds.push({ base: perSecond, ...(await run(measured)) })
  }
  return rounds
}

try {
  const root = join(folder, 'plain')
  const storeFolder = join(folder, 'store')
  mkdirSync(root)
  // ASCII, since the load is passed on as text; its digits are as random as any.
  const body = randomBytes(BYTES / 2).toString('hex')
  const content = { contentType: 'image/jpeg', bytes: BYTES, sha256: createHash('sha256').update(body).digest('hex') }
  const newKey = () => mediaKey({ robotId: randomUUID(), groupId: randomUUID(), mediaId: randomUUID() })
  writeFileSync(join(root, 'photo'), body)

  const url = await startServer('store-server', { FOLDER: storeFolder, SECRET })
  const log = createLogger({ service: 'bench', level: 'warn', format: 'json' })
  const store = openFileStore({ folder: storeFolder, baseUrl: url, secret: SECRET, log })
  const expiresAt = new Date(Date.now() + 3_600_000)
  const pathOf = (address: string) => address.slice(url.length)

  const key = newKey()
  await store.write(key, Buffer.from(body), content.contentType)
  const signedRead = await store.presignRead({ key, ...content, expiresAt })
  const reading: Side = { url, requests: [{ method: 'GET', path: pathOf(signedRead.url), headers: {} }] }
  const uploads = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => store.presignUpload({ key: newKey(), ...content, expiresAt })),
  )
  const uploading: Side = {
    url,
    requests: uploads.map(({ method, url: address, headers }) => ({ method, path: pathOf(address), headers, body })),
  }
  const plainUploads = Array.from({ length: CONNECTIONS }, (_, index) => ({
    method: 'PUT' as const,
    path: `/upload-${index}`,
    headers: { 'content-length': String(BYTES) },
    body,
  }))
  const plain = await startServer('plain-server', { FOLDER: root })
  const flushing = await startServer('plain-server', { FOLDER: root, FLUSH: '1' })
  const plainRead: Side = { url: plain, requests: [{ method: 'GET', path: '/photo', headers: {} }] }

  const rows: Row[] = []
  const goals: Goal[] = []
  const compare = async (names: { base: string; measured: string; goal?: string }, base: Side, measured: Side) => {
    const rounds = await alternate(base, measured)
    rows.push(...compared(names.base, names.measured, rounds))
    if (names.goal) goals.push({ what: names.goal, reached: ratioOf(rounds), wanted: { atLeast: 0.6 } })
  }
  const read = 'file store, read of 1 MB'
  if (await hasNginx()) {
    const nginx: Side = { ...plainRead, url: await startNginxOn(root) }
    await compare({ base: 'nginx, the same file', measured: read, goal: 'reads/s of nginx' }, nginx, reading)
  } else {
    console.log('nginx is not installed (Debian: nginx): reads are compared with a plain stream of Node only.')
  }
  await compare(
    { base: 'plain Node stream of the file', measured: read, goal: 'reads/s of a plain stream' },
    plainRead,
    reading,
  )
  const upload = 'file store, upload of 1 MB'
  await compare(
    { base: 'plain Node stream to disk, flushed', measured: upload, goal: 'uploads/s of a flushed plain stream' },
    { url: flushing, requests: plainUploads },
    uploading,
  )
  await compare(
    { base: 'plain Node stream to disk, not flushed', measured: upload },
    { url: plain, requests: plainUploads },
    uploading,
  )
  await store.close()
  report('media', rows, goals)
} finally {
  await Promise.all(stops.map((stop) => stop()))
  rmSync(folder, { recursive: true, force: true })
}
