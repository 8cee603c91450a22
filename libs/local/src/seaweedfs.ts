import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AwsV4Signer } from 'aws4fetch'
import { guardChild } from './guard.ts'
import { isFree } from './ports.ts'
import { endChild, type Running, whenEnded } from './running.ts'
import { seaweedfsObstacle, seaweedfsProgram } from './seaweedfs-binary.ts'
import { waitFor } from './wait.ts'

/** How a client reaches a bucket of an S3 store. */
export interface S3Access {
  endpoint: string
  bucket: string
  region: string
  accessKeyId: string
  secretAccessKey: string
}

/** A SeaweedFS node with an S3 endpoint that runs as a child of this process. */
export interface LocalSeaweedfs extends Running {
  access: S3Access
  port: number
  /** As `kill -9`: for tests of a crash. */
  kill(): Promise<void>
}

export interface SeaweedfsOptions {
  /** For the data and the log; made when it is missing, kept afterwards. */
  folder: string
  /** The port of the S3 endpoint; default: any free one. A node that clients find again needs the port it had. */
  port?: number
  bucket?: string
  accessKeyId?: string
  secretAccessKey?: string
}

const HOST = '127.0.0.1'
const READY_MS = 60_000
const STOP_MS = 15_000
// Every component listens for gRPC on its HTTP port plus this, and some look for the others there.
const GRPC_OFFSET = 10_000

/**
 * Starts a single SeaweedFS node in `folder`. Resolves when the bucket answers a signed request.
 *
 * @throws Error when there is no python3 with pip, or with the node's last lines when it does not start
 */
export async function startSeaweedfs(options: SeaweedfsOptions): Promise<LocalSeaweedfs> {
  const { folder, bucket = 'moments', accessKeyId = 'local', secretAccessKey = 'local-secret-0123456789' } = options
  const obstacle = await seaweedfsObstacle()
  if (obstacle) throw new Error(`SeaweedFS cannot run here: ${obstacle}.`)
  const program = await seaweedfsProgram()
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  const taken = new Set<number>()
  const port = options.port ?? (await freePair(taken))
  const access = { endpoint: `http://${HOST}:${port}`, bucket, region: 'us-east-1', accessKeyId, secretAccessKey }
  const ports = {
    's3.port': port,
    'master.port': await freePair(taken),
    'filer.port': await freePair(taken),
    'volume.port': await freePair(taken),
    'admin.port': await freePair(taken),
  }
  const flags = {
    dir: data,
    bucket,
    ip: HOST,
    'ip.bind': HOST,
    ...ports,
    // Everything else that would listen or call home.
    'admin.ui': false,
    webdav: false,
    's3.port.iceberg': 0,
    's3.port.lance': 0,
    'master.telemetry': false,
  }
  const log = join(folder, 'seaweedfs.log')
  const output = openSync(log, 'w')
  const child = spawn(program, ['mini', ...Object.entries(flags).map(([name, value]) => `-${name}=${value}`)], {
    cwd: folder,
    detached: true,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  guardChild(child)
  let isRunning = true
  const ended = whenEnded(child)
  void ended.then(() => {
    isRunning = false
  })
  try {
    await waitUntilS3Ready(access, () => !isRunning)
  } catch (cause) {
    child.kill('SIGKILL')
    const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-12).join('\n')
    throw new Error(`SeaweedFS did not start:\n${lines}`, { cause })
  }
  return {
    access,
    port,
    pid: child.pid ?? 0,
    ended,
    stop: () => endChild(child, ended, { signal: 'SIGTERM', graceMs: STOP_MS }),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Resolves when the bucket answers a signed listing. */
export async function waitUntilS3Ready(access: S3Access, hasEnded: () => boolean = () => false): Promise<void> {
  const { endpoint, bucket, ...credentials } = access
  const look = async () => {
    if (hasEnded()) return false
    const url = `${endpoint}/${bucket}?list-type=2&max-keys=1`
    const { headers } = await new AwsV4Signer({ url, service: 's3', ...credentials }).sign()
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) })
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`The S3 store answers ${answer.status}.`)
    return true
  }
  const isReady = await waitFor('The S3 store is not ready', look, { timeoutMs: READY_MS, everyMs: 50 })
  if (!isReady) throw new Error('The S3 store ended while it was starting.')
}

/**
 * Returns a port that is free together with its gRPC port. Both lie below the range from which the system takes ports for
 * outgoing connections, and apart from the ports of `freePort`.
 */
async function freePair(taken: Set<number>): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 2_500)
    if (taken.has(port) || !(await isFree(port)) || !(await isFree(port + GRPC_OFFSET))) continue
    taken.add(port)
    return port
  }
}
