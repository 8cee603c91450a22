import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { sql } from 'kysely'
import { createDialect } from './api/dialect.ts'
import { loadConfig } from './config.ts'
import type { Db, SchedulerTables } from './db/schema.ts'
import { openEngineDatabase } from './engine/database.ts'
import { Engine } from './engine/engine.ts'
import { listenForDue } from './engine/listen.ts'
import { EngineMetrics } from './engine/metrics.ts'
import { DatabaseTime, type Time } from './engine/time.ts'
import { startUpkeep } from './engine/upkeep.ts'
import { accountHandlers } from './events/on-account.ts'
import { jobRoutes } from './jobs/routes.ts'
import { JobSecrets } from './secrets/job-secrets.ts'
import { NameResolver } from './sending/name-resolver.ts'
import { Sender } from './sending/sender.ts'
import { type Lookup, TargetGuard } from './sending/target-guard.ts'
import { settingsRoutes } from './settings/routes.ts'

/** What tests hand in. */
export interface SchedulerParts {
  time?: Time
  lookup?: Lookup
  /** From 0 to 1: the chance in retries. */
  random?: () => number
}

/** Starts the scheduler service: jobs, and the engine that sends them. */
export async function start({
  env,
  log,
  clock,
  onFatal,
  ...given
}: StartOptions & SchedulerParts): Promise<RunningService> {
  const config = loadConfig(env)
  return startService<SchedulerTables>({
    name: 'scheduler',
    settings: config,
    log,
    clock,
    onFatal,
    build: ({ db, log, registry, onPublished }) => {
      const databaseTime = new DatabaseTime()
      const time = given.time ?? databaseTime
      const now = () => new Date(time.now())
      const names = new NameResolver()
      const guard = new TargetGuard(config.allowedInnerTargets, given.lookup ?? ((name) => names.lookup(name)))
      const sender = new Sender({
        guard,
        now: () => time.now(),
        connectTimeoutMs: config.CONNECT_TIMEOUT_MS,
        timeoutMs: config.REQUEST_TIMEOUT_MS,
        keptBodyBytes: config.KEPT_BODY_BYTES,
        connections: config.HOST_CONCURRENCY,
      })
      const secrets = new JobSecrets(config.JOB_SECRETS_KEY)
      const engineDatabase = openEngineDatabase(config.DATABASE_URL, log)
      const engine = new Engine({
        db: engineDatabase.db,
        time,
        sender,
        secrets,
        log,
        pollMs: config.POLL_MS,
        horizonMs: config.HORIZON_MS,
        leaseMs: config.LEASE_MS,
        claimBatch: config.CLAIM_BATCH,
        limits: {
          total: config.CONCURRENCY,
          perHost: config.HOST_CONCURRENCY,
          perAccount: config.ACCOUNT_CONCURRENCY,
        },
        onOutcome: (outcome) => metrics.observe(outcome),
        onPublished,
        random: given.random,
      })
      const metrics = new EngineMetrics(registry, {
        db,
        now,
        runningByHost: () => engine.runningByHost(),
      })
      const stopping = new AbortController()
      const upkeep = startUpkeep({
        db,
        time,
        log,
        attemptRetentionDays: config.ATTEMPT_RETENTION_DAYS,
        jobRetentionDays: config.JOB_RETENTION_DAYS,
        adjust: () => (given.time ? Promise.resolve() : adjustBy(engineDatabase.db, databaseTime)),
        onReady: () => engine.start(),
      })
      const listening = listenForDue(config.DATABASE_URL, log, stopping.signal, () => engine.wake())
      return {
        routes: [
          ...settingsRoutes({ db, now, secrets }),
          ...jobRoutes({ db, now, guard, horizonMs: config.HORIZON_MS, quota: config.MAX_ACTIVE_JOBS, secrets }),
        ],
        handlers: accountHandlers,
        dialect: createDialect({ db, log, bodyLimit: config.BODY_LIMIT_BYTES }),
        close: async () => {
          stopping.abort()
          await Promise.all([upkeep.stop(), listening, engine.stop(config.SHUTDOWN_GRACE_MS)])
          await Promise.all([sender.close(), engineDatabase.close()])
        },
      }
    },
  })
}

/** On one connection, so that what others ask the database costs the answers no time. */
function adjustBy(db: Db, time: DatabaseTime): Promise<void> {
  return db.connection().execute((connection) => time.adjust(() => askTime(connection)))
}

async function askTime(db: Db): Promise<number> {
  const { rows } = await sql<{ ms: number }>`select extract(epoch from clock_timestamp())::float8 * 1000 as ms`.execute(
    db,
  )
  const ms = rows[0]?.ms
  if (ms === undefined) throw new Error('The database does not tell the time.')
  return ms
}
