import { keepSession } from '@platform/events/session.ts'
import type { Logger } from '@platform/log/logger.ts'
import { DUE_CHANNEL } from '../jobs/near-due.ts'

/**
 * Calls `wake` whenever somebody says that something is due soon, and whenever the connection is new: hints may have
 * been missed before.
 */
export function listenForDue(databaseUrl: string, log: Logger, stop: AbortSignal, wake: () => void): Promise<void> {
  return keepSession({
    databaseUrl,
    applicationName: 'scheduler hints',
    log,
    stop,
    run: async (client, lost) => {
      client.on('notification', wake)
      await client.query(`listen ${DUE_CHANNEL}`)
      wake()
      await new Promise<void>((resolve) => {
        if (lost.aborted) resolve()
        else lost.addEventListener('abort', () => resolve(), { once: true })
      })
    },
  })
}
