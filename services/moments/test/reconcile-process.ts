import { openDatabase } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { MomentsTables } from '../src/db/schema.ts'
import { reconcile } from '../src/reconcile/reconcile.ts'
import { openStore } from './captures.ts'

/** Reconciles in a process that a test can kill, with a clock two days ahead, so that every orphan is old enough. */
const env = Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value ? [[name, value]] : [])))
const store = openStore(env)
const { db, close } = openDatabase<MomentsTables>({
  url: env.DATABASE_URL ?? '',
  applicationName: 'reconcile',
  log: createLogger({ service: 'reconcile', level: 'silent', format: 'json' }),
  poolSize: 1,
})
await reconcile({ db, store, now: new Date(Date.now() + 2 * 86_400_000), pageSize: 10 }, true)
await store.close()
await close()
