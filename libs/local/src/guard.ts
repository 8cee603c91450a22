import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

let guard: ChildProcess | undefined
const children = new Map<ChildProcess, NodeJS.Signals>()

/** Tells the guard process, which is started with the first thing it has to know. */
function tell(...words: (string | number)[]): void {
  if (!guard || guard.exitCode !== null) {
    guard = spawn(process.execPath, [fileURLToPath(new URL('guard-main.ts', import.meta.url))], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: process.env.PATH },
    })
    guard.unref()
    // A guard that was killed is no reason to fall over.
    guard.stdin?.on('error', () => {})
    const pipe = guard.stdin
    if (pipe && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  }
  guard.stdin?.write(`${words.join('\t')}\n`)
}

/**
 * Sees to it that `child` does not outlive this process, even when this process is killed with SIGKILL: a small
 * process of its own then sends it `signal`, and SIGKILL if that does not help.
 *
 * Children are started `detached`, in a group of their own: a Ctrl-C reaches this process alone, and it decides the
 * order in which the others stop.
 */
export function guardChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): void {
  const { pid } = child
  if (pid === undefined) return
  tell('watch', pid, signal)
  children.set(child, signal)
  child.once('exit', () => {
    children.delete(child)
    tell('forget', pid)
  })
}

/** Signals every guarded child that still runs, each with its own signal or all with `force`; resolves when all ended. */
export async function endChildren(force?: 'SIGKILL'): Promise<void> {
  const ends = [...children].map(([child, signal]) => {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(force ?? signal)
    return ended
  })
  await Promise.all(ends)
}

/** Removes `folder` after this process has ended and all that it had started has stopped. */
export function removeAfterwards(folder: string): void {
  tell('remove', folder)
}
