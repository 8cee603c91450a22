import { createLogger } from '@platform/log/logger.ts'
import { createMediaStore } from '../media/settings.ts'
import { type ReconcileReport, reconcile } from '../reconcile/reconcile.ts'
import type { CliCommand } from './command.ts'

export const reconcileStore: CliCommand = {
  usage: `  reconcile          compares the media store and the rows both ways, and prints a report
  reconcile --fix    and deletes the objects that no row points to and that are older than a day, unless they are
                     more than half of all. Rows without their object are reported only`,
  flags: ['--fix'],
  run: async ({ db, config, flags, print }) => {
    const { store } = createMediaStore(config, createLogger({ service: 'moments', level: 'warn', format: 'pretty' }))
    try {
      const isFix = flags.includes('--fix')
      const report = await reconcile({ db, store, now: new Date() }, isFix)
      for (const line of toLines(report)) print(line)
      return report.missing.length === 0 && report.orphans === report.deleted
    } finally {
      await store.close()
    }
  },
}

function toLines({ objects, orphans, orphanBytes, rows, missing, deleted, isRefused }: ReconcileReport): string[] {
  return [
    `objects: ${objects}`,
    `orphan objects (no row, older than a day): ${orphans}, ${orphanBytes} bytes`,
    `rows with an object: ${rows}`,
    ...missing.map((row) => `missing: media ${row.mediaId} of moment ${row.momentId}, key ${row.objectKey}`),
    `rows without their object: ${missing.length}`,
    ...(isRefused
      ? ['refused: more than half of all objects are orphans. Check DATABASE_URL and the settings of the store.']
      : [`deleted: ${deleted}`]),
  ]
}
