import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isRunning } from '@platform/local/process-list.ts'

/**
 * Claims a folder for this process. A claim whose process has gone counts for nothing.
 *
 * @param program part of the command line of every process that claims it
 * @returns the id of the process that has it, or undefined when it is ours now
 */
export function claim(file: string, program: string): number | undefined {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      process.once('exit', () => rmSync(file, { force: true }))
      return undefined
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const holder = Number(readFileSync(file, 'utf8'))
    if (holder && holder !== process.pid && isRunning(holder, program)) return holder
    rmSync(file, { force: true })
  }
}
