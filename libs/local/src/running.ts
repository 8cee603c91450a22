import type { ChildProcess } from 'node:child_process'

/** A child process that was started for as long as it takes. */
export interface Running {
  pid: number
  /** Resolves with the kind of its end when it is gone: `exit code 1`, `SIGKILL`. */
  ended: Promise<string>
  /** Ends it cleanly, or by force when that takes too long. */
  stop(): Promise<void>
}

/** Follows a child from here on. A program that could not be started at all ends with that error's message. */
export function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
}

/** Sends `signal`, and after `graceMs` the one that helps for certain. */
export async function endChild(
  child: ChildProcess,
  ended: Promise<string>,
  { signal, graceMs, force = 'SIGKILL' }: { signal: NodeJS.Signals; graceMs: number; force?: NodeJS.Signals },
): Promise<void> {
  child.kill(signal)
  const timer = setTimeout(() => child.kill(force), graceMs)
  await ended
  clearTimeout(timer)
}
