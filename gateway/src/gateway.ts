import { openDatabase } from '@platform/db/database.ts'
import { pendingMigrations } from '@platform/db/migrate.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import { startRelay } from '@platform/events/relay.ts'
import { Assertions } from '@platform/http/assertion.ts'
import { ServiceClient } from '@platform/http/client.ts'
import { purgeIdempotencyKeys } from '@platform/http/idempotency.ts'
import { HttpMetrics, observeProcess } from '@platform/http/metrics.ts'
import type { Route } from '@platform/http/route.ts'
import { listen } from '@platform/http/server.ts'
import type { Logger } from '@platform/log/logger.ts'
import { migrationFoldersOf } from '@platform/service/migrations.ts'
import { sql } from 'kysely'
import { Registry } from 'prom-client'
import { AccessLog } from './access-log.ts'
import { ensureFirstAdmin } from './accounts/first-admin.ts'
import { internalAccountRoutes } from './accounts/internal-routes.ts'
import { accountRoutes } from './accounts/routes.ts'
import { LastUsed } from './api-keys/last-used.ts'
import { apiKeyRoutes } from './api-keys/routes.ts'
import { createOwnApp } from './app.ts'
import type { GatewaySettings } from './config.ts'
import { refuseWhatIsNoRequest } from './connections.ts'
import { Cors } from './cors.ts'
import { Authenticator } from './credentials/authenticator.ts'
import { ExternalIssuers } from './credentials/external-issuers.ts'
import { InvalidationListener } from './credentials/invalidation.ts'
import { Verdicts } from './credentials/verdicts.ts'
import type { GatewayTables } from './db/schema.ts'
import { docsRoutes } from './docs/routes.ts'
import { ServiceParts } from './docs/service-parts.ts'
import { createFront } from './front.ts'
import { healthRoutes } from './health.ts'
import { purgeRateLimits } from './limits/rate-limiter.ts'
import { RequestLimits } from './limits/request-limits.ts'
import { SignInLimits } from './limits/sign-in.ts'
import { startPrivateListener } from './private-listener.ts'
import type { Destination } from './proxy/routing-table.ts'
import { createUpstreams } from './proxy/upstreams.ts'
import { AccessTokens } from './tokens/access-tokens.ts'
import { tokenRoutes } from './tokens/routes.ts'
import { answerSeal, gatewaySeal } from './tokens/seals.ts'
import { purgeSessions } from './tokens/sessions.ts'
import { SigningKeys } from './tokens/signing-keys.ts'

export interface GatewayOptions {
  settings: GatewaySettings
  log: Logger
  clock?: () => Date
  /** Called when the process cannot do its work any more and has to be replaced. */
  onFatal: (error: unknown) => void
  /** Where the access log goes; standard output. */
  writeAccess?: (text: string) => void
  /** Default: by the routing table. */
  findDestination?: (path: string) => Destination | undefined
}

/** A gateway that listens. */
export interface RunningGateway {
  url: string
  /** The private listener serves metrics and the routes for other services. */
  privateUrl: string
  /** Nothing accepted is lost: requests finish, then what is to be kept is written, then the pools close. */
  stop(): Promise<void>
}

const MAX_HEADER_BYTES = 16_384
const PURGE_EVERY_MS = 600_000

/** Puts the gateway together and starts it. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { settings, log, onFatal } = options
  const clock = options.clock ?? (() => new Date())
  const url = settings.DATABASE_URL
  const database = openDatabase<GatewayTables>({
    url,
    applicationName: 'gateway',
    log,
    poolSize: settings.DATABASE_POOL_SIZE,
  })
  const { db, pool } = database
  const registry = new Registry()
  observeProcess(registry)
  const transport = openTransport({ settings, clientId: 'gateway', pool, databaseUrl: url, log, onFatal })
  const relay = startRelay({ db, pool, databaseUrl: url, transport, log, registry })

  const assertions = new Assertions(settings.ASSERTION_SECRET)
  const seal = answerSeal(gatewaySeal(settings.KEY_ENCRYPTION_SECRET, 'answers'))
  const keys = new SigningKeys(db, gatewaySeal(settings.KEY_ENCRYPTION_SECRET, 'signing keys'), clock)
  const tokens = new AccessTokens({ issuer: settings.PUBLIC_URL, audience: settings.TOKEN_AUDIENCE, keys, clock })
  const verdicts = new Verdicts(() => listener.heardUntil, clock)
  const listener = new InvalidationListener(url, log, {
    onInvalidation: ({ kind, id }) => {
      if (kind === 'signing-keys')
        void keys.reload().catch((error) => log.warn('signing keys were not read', { error }))
      else verdicts.forget(`${kind}:${id}`)
    },
    onGap: () => verdicts.forgetAll(),
  })
  const lastUsed = new LastUsed(db, log, clock)
  const issuers = new ExternalIssuers(settings.issuers, clock)
  const authenticator = new Authenticator({ db, verdicts, tokens, issuers, lastUsed, clock })

  const signInLimits = new SignInLimits(settings.limits, settings.NODE_ENV === 'production' ? pool : undefined)
  const limits = new RequestLimits(settings.limits, settings.limits.store === 'postgres' ? pool : undefined)
  const parts = new ServiceParts(settings.services, assertions, log)
  const groupsUrl = settings.services.groups
  const groups = groupsUrl ? new ServiceClient({ service: 'groups', baseUrl: groupsUrl, assertions, log }) : undefined
  const upstreams = createUpstreams(settings.services, settings.UPSTREAM_TIMEOUT_MS, log)
  const metrics = new HttpMetrics(registry)
  const routes: Route[] = [
    ...accountRoutes({
      db,
      groups,
      limits: signInLimits,
      seal,
      fingerprintSecret: settings.KEY_ENCRYPTION_SECRET,
      clock,
    }),
    ...tokenRoutes({ db, tokens, keys, limits: signInLimits, seal, clock }),
    ...apiKeyRoutes({ db, seal, clock, keyExpiryOf: (caller) => authenticator.keyExpiryOf(caller) }),
  ]
  const isMigrated = rememberTrue(async () => (await pendingMigrations(db, migrationFoldersOf('gateway'))).length === 0)
  const mountOptions = { bodyLimit: settings.BODY_LIMIT_BYTES, checkReplies: settings.NODE_ENV !== 'production' }
  const ownApp = createOwnApp({
    routes,
    extras: [
      (app) =>
        healthRoutes(app, {
          isMigrated: async () => {
            await sql`select 1`.execute(db)
            return isMigrated()
          },
          services: settings.services,
        }),
      (app) => docsRoutes(app, routes, parts),
    ],
    authenticator,
    limits,
    log,
    trustedProxies: settings.TRUST_PROXY,
    metrics,
    ...mountOptions,
    afterWrite: () => relay.wake(),
  })
  const accessLog = new AccessLog({ level: settings.LOG_LEVEL, format: settings.LOG_FORMAT }, options.writeAccess)
  const front = createFront({
    upstreams,
    findDestination: options.findDestination,
    ownRoutes: ownApp,
    authenticator,
    assertions,
    limits,
    cors: new Cors(settings.corsOrigins),
    accessLog,
    metrics,
    log,
    bodyLimit: settings.BODY_LIMIT_BYTES,
    trustedProxies: settings.TRUST_PROXY,
  })

  await listener.start()
  await keys.start()
  if (settings.admin) await ensureFirstAdmin(db, settings.admin, log, clock())
  const { HOST: host, SHUTDOWN_GRACE_MS: graceMs } = settings
  const privateListener = await startPrivateListener(
    { registry, routes: internalAccountRoutes({ db }), assertions, metrics, log, ...mountOptions },
    { host, port: settings.METRICS_PORT, graceMs },
  )
  const server = await listen(front, { host, port: settings.PORT, graceMs, maxHeaderBytes: MAX_HEADER_BYTES })
  refuseWhatIsNoRequest(server.server, log)
  const purge = setInterval(() => {
    Promise.all([purgeIdempotencyKeys(db), purgeSessions(db), purgeRateLimits(pool, log)]).catch((error) =>
      log.warn('what is outdated could not be purged', { error }),
    )
  }, PURGE_EVERY_MS)
  log.info('listening', { url: server.url, privateUrl: privateListener.url })

  return {
    url: server.url,
    privateUrl: privateListener.url,
    stop: async () => {
      clearInterval(purge)
      await server.stop()
      accessLog.flush()
      await privateListener.stop()
      await parts.close()
      await groups?.close()
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()))
      await lastUsed.stop()
      await listener.stop()
      await relay.stop()
      await transport.close()
      await database.close()
      log.info('stopped')
    },
  }
}

function rememberTrue(ask: () => Promise<boolean>): () => Promise<boolean> {
  let isTrue = false
  return async () => {
    isTrue ||= await ask()
    return isTrue
  }
}
