/**
 * The process behind `guard.ts`. It learns on standard input what runs, and when that ends (its parent is gone,
 * however it went) it stops what is left and removes what was temporary.
 */
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { commandLine } from './process-list.ts'

const STOP_MS = 8_000
const running = new Map<number, NodeJS.Signals>()
const folders = new Set<string>()

// A signal to the parent's group reaches the guard too, and the guard has to outlive the parent for a moment.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

// A process that has ended and was not reaped yet has no command line.
function isAlive(pid: number): boolean {
  return Boolean(commandLine(pid))
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {}
}

function clear(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, what = '', signal] = line.split('\t')
    if (verb === 'watch') running.set(Number(what), (signal ?? 'SIGTERM') as NodeJS.Signals)
    if (verb === 'forget') running.delete(Number(what))
    if (verb === 'remove') folders.add(what)
  })
  .on('close', () => {
    // The last started goes first: what it needs is older.
    for (const [pid, signal] of [...running].reverse()) send(pid, signal)
    const deadline = Date.now() + STOP_MS
    const timer = setInterval(() => {
      const left = [...running.keys()].filter(isAlive)
      if (left.length > 0 && Date.now() < deadline) return
      clearInterval(timer)
      for (const pid of left) send(pid, 'SIGKILL')
      clear()
    }, 50)
  })
