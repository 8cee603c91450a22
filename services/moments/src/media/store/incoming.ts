import { randomUUID } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hasCode, ignoreMissing } from './system-error.ts'

/**
 * Temporary files carry their writer's machine, process and start in the name: a file whose writer has ended is left over
 * for certain. Files of other machines, which may share the folder, are judged by age.
 */

const MACHINE = hostname()
  .replaceAll(/[^a-zA-Z0-9-]/g, '-')
  .slice(0, 63)
// Beside the process id, which a container gives to each of its lives anew.
const STARTED = Math.round(performance.timeOrigin)

/** Returns a new path in `folder` for an object that is still being written. */
export function newIncomingPath(folder: string): string {
  return join(folder, [MACHINE, process.pid, STARTED, randomUUID()].join('.'))
}

/**
 * Removes temporary files that no process writes any more.
 *
 * @param staleMs age at which a file counts as left over: longer than an upload may pause
 * @returns how many were removed
 */
export async function removeAbandoned(folder: string, staleMs: number): Promise<number> {
  let removed = 0
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const file = await stat(path).catch(ignoreMissing)
    // File times follow the machine's clock, not the one that the service was given.
    if (!file || (Date.now() - file.mtimeMs <= staleMs && !hasEndedWriter(name))) continue
    await rm(path, { force: true })
    removed++
  }
  return removed
}

function hasEndedWriter(name: string): boolean {
  const [machine, pid, started] = name.split('.')
  if (machine !== MACHINE) return false
  if (Number(pid) === process.pid) return Number(started) !== STARTED
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return hasCode(error, 'ESRCH')
  }
}
