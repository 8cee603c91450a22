import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { guardChild } from './guard.ts'
import { endChild, type Running, whenEnded } from './running.ts'
import { waitFor } from './wait.ts'

export interface ProcessOptions {
  name: string
  /** The file that Node runs, absolute. */
  file: string
  /** The whole environment: nothing is inherited. Holds HOST and PORT. */
  env: NodeJS.ProcessEnv
  /** Called with each line of its standard output and error. */
  onLine?: (line: string) => void
  /** It must have answered `/readyz` with 200 by then; default 30,000. */
  readyMs?: number
}

/** A process of the platform that runs as a child of this one. */
export interface PlatformChild extends Running {
  /** `http://HOST:PORT` */
  url: string
  kill(signal: NodeJS.Signals): Promise<void>
}

const LINES_KEPT = 15
// Longer than the grace that the processes give their own requests.
const STOP_MS = 20_000

/**
 * Starts a process and waits until it is ready.
 *
 * @throws Error with its last lines when it ends first, or takes too long (then it is ended)
 */
export async function startProcess(options: ProcessOptions): Promise<PlatformChild> {
  const { name, file, env, onLine, readyMs = 30_000 } = options
  const child = spawn(process.execPath, [file], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  guardChild(child)
  const ended = whenEnded(child)
  let end: string | undefined
  void ended.then((how) => {
    end = how
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > LINES_KEPT) lines.shift()
      onLine?.(line)
    })
  }
  const url = `http://${env.HOST ?? '127.0.0.1'}:${env.PORT}`
  try {
    await waitFor(`${name} is not ready`, async () => end ?? ((await isReady(url)) ? true : undefined), {
      timeoutMs: readyMs,
      everyMs: 50,
    })
    if (end !== undefined) throw new Error(`${name} ended while it was starting (${end})`)
  } catch (error) {
    child.kill('SIGKILL')
    await ended
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${message}. Its last lines:\n${lines.join('\n')}`)
  }
  return {
    pid: child.pid ?? 0,
    url,
    ended,
    stop: () => endChild(child, ended, { signal: 'SIGTERM', graceMs: STOP_MS }),
    kill: async (signal) => {
      child.kill(signal)
      await ended
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok
  } catch {
    return false
  }
}
