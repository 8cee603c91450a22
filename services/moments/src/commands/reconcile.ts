import { parseArgs } from 'node:util'
import { type Environment, readEnv } from '@platform/config/env.ts'
import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { Type } from 'typebox'
import type { MomentsTables } from '../db/schema.ts'
import { createMediaStore, MediaEnv } from '../media/settings.ts'
import { type ReconcileReport, reconcile } from '../reconcile/reconcile.ts'

const Env = Type.Object({ DATABASE_URL: Type.String({ minLength: 1 }), ...MediaEnv })

/** `reconcile [--fix]`: prints how store and rows differ; with `--fix`, deletes the objects that no row points to. */
export async function runReconcile(args: string[], env: Environment, print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({ args, options: { fix: { type: 'boolean', default: false } } })
  const settings = readEnv(env, Env)
  const log = createLogger({ service: 'moments reconcile', level: 'warn', format: 'pretty' })
  const { store } = createMediaStore(settings, log)
  const options = { url: settings.DATABASE_URL, applicationName: 'moments reconcile', log, poolSize: 1 }
  const database = openDatabase<MomentsTables>(options)
  try {
    const report = await reconcile({ db: database.db, store, now: new Date() }, values.fix)
    for (const line of toLines(report)) print(line)
    return report.missing.length > 0 || report.isRefused ? 1 : 0
  } finally {
    await store.close()
    await database.close()
  }
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
