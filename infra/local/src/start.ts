/**
 * `pnpm start`: the whole platform on one machine, from nothing. Everything it makes is in `.data/`.
 *
 * Settings, all optional: PORT (8080, the gateway's), EVENTS (`embedded` or `kafka`), MEDIA (`files` or `s3`), DATABASE_URL (a login that may
 * create roles; default: an embedded server), KAFKA_BROKERS, DATA_FOLDER. What else is set reaches the processes.
 */

import { endChildren } from '@platform/local/guard.ts'
import { PROCESSES } from '@platform/platform/registry.ts'
import { createConsole } from './console.ts'
import { watchLaunchers } from './launchers.ts'
import { startPlatform } from './start-platform.ts'

// The terminal signals the whole group, and pnpm may pass it on again: one Ctrl-C, seen twice within this.
const SAME_SIGNAL_MS = 400

const console = createConsole(PROCESSES.map(({ name }) => name))
const starting = startPlatform(process.env, console)
let stopAskedAt: number | undefined

async function stop(reason: string): Promise<void> {
  if (stopAskedAt !== undefined) {
    if (performance.now() - stopAskedAt < SAME_SIGNAL_MS) return
    console.warn('Stopping by force.')
    void endChildren('SIGKILL')
    process.exit(1)
  }
  stopAskedAt = performance.now()
  console.say(`\n${reason}: stopping. Once more stops by force.`)
  const platform = isUp ? await starting : undefined
  await platform?.stop()
  // What was just starting, or coming up again.
  await endChildren()
  console.say('Stopped. The next start goes on with the same data.')
  process.exit(0)
}

let isUp = false
process.on('SIGINT', () => void stop('Ctrl-C'))
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGHUP', () => void stop('The terminal was closed'))
watchLaunchers(() => void stop('What started this has ended'))

try {
  await starting
  isUp = true
} catch (error) {
  if (stopAskedAt === undefined) {
    console.warn(error instanceof Error ? error.message : String(error))
    await endChildren()
    process.exit(1)
  }
}
