import { commandLine, parentOf } from '@platform/local/process-list.ts'

// npx and pnpm, as programs that Node runs; the shells that they start, for one command each; Node's own wrapper.
const LAUNCHERS = [
  /^(\S*\/)?(npx|npm|pnpm|corepack)\b/,
  /^(\S*\/)?(node|sh) \S*\/(npx|npm|pnpm|corepack)\b/,
  /^(\S*\/)?sh \S*node_modules\/\.bin\//,
  /^(\S*\/)?sh -c ['"]?(node|npx|npm|pnpm)\b[^;&|]*$/,
]
const EVERY_MS = 500

/**
 * Calls `onGone` when a process that was started only to start this one has ended: our parent, and above it npx, pnpm
 * and the shells between them. Killed, they tell nobody, and this process would be left behind.
 */
export function watchLaunchers(onGone: () => void): void {
  const watched = launchers()
  const timer = setInterval(() => {
    if (watched.every(({ pid, line }) => commandLine(pid) === line) && process.ppid === watched[0]?.pid) return
    clearInterval(timer)
    onGone()
  }, EVERY_MS)
  timer.unref()
}

function launchers(): { pid: number; line: string }[] {
  const found: { pid: number; line: string }[] = []
  const parent = process.ppid
  for (let pid: number | undefined = parent; pid !== undefined && pid > 1; pid = parentOf(pid)) {
    const line = commandLine(pid)
    // Whoever is above the first that is no launcher may come and go: a shell with `&`, a step of a build.
    if (line === undefined || (pid !== parent && !LAUNCHERS.some((launcher) => launcher.test(line)))) break
    found.push({ pid, line })
  }
  return found
}
