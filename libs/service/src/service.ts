import { openDatabase } from '@platform/db/database.ts'
import { pendingMigrations } from '@platform/db/migrate.ts'
import type { ErasureTables } from '@platform/erasure/jobs.ts'
import { type EventHandler, startConsumer } from '@platform/events/consumer.ts'
import { openTransport } from '@platform/events/open-transport.ts'
import type { EventTables } from '@platform/events/outbox.ts'
import { startRelay } from '@platform/events/relay.ts'
import { bareApp, type Dialect, errorHandler, mountRoutes, notFound, requestContext } from '@platform/http/app.ts'
import { Assertions } from '@platform/http/assertion.ts'
import { type IdempotencyTables, purgeIdempotencyKeys } from '@platform/http/idempotency.ts'
import { HttpMetrics, observeProcess } from '@platform/http/metrics.ts'
import { type OpenApiPart, openApiOf } from '@platform/http/openapi.ts'
import { defineRoute, type Route, route } from '@platform/http/route.ts'
import { listen } from '@platform/http/server.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Express, RequestHandler } from 'express'
import { type Kysely, sql } from 'kysely'
import { Registry } from 'prom-client'
import { Type } from 'typebox'
import { assertedCaller, requireAssertion } from './asserted.ts'
import { type ErasurePart, startErasing } from './erasing.ts'
import { healthRoutes } from './health.ts'
import { migrationFoldersOf } from './migrations.ts'
import type { CommonSettings } from './settings.ts'

/** The tables that the libraries keep in every service's schema. */
export type LibraryTables = EventTables & IdempotencyTables

/** What a service's own code is built from. */
export interface ServiceContext<T> {
  db: Kysely<T>
  log: Logger
  clock: () => Date
  assertions: Assertions
  registry: Registry
  /** To be called after a commit that published something, where that was no request and no handler. */
  onPublished: () => void
}

/** What a service's own code consists of. */
export interface ServiceParts<T> {
  routes: Route[]
  /**
   * Adds Express handlers that no route definition can describe, such as those that stream files. They run behind the
   * check of the assertion, before the routes, and get the body unread. The handler of a large body calls
   * `liftBodyTimeLimit` and limits the time without progress itself.
   */
  mount?: (app: Express) => void
  /** Reactions to other services' events. */
  handlers?: EventHandler<T>[]
  /** Called after events were handled: they may have left work behind. */
  onHandled?: () => void
  /** Its part in erasures, for a service that the registry says takes part in them. */
  erasure?: ErasurePart<T>
  /** How requests are read and refused, where that is not the contract's own way. */
  dialect?: Dialect
  /** Called when everything else has stopped. */
  close?: () => Promise<void>
}

export interface ServiceOptions<T extends LibraryTables> {
  /** As in the registry; also the name of the schema, the role and the consumer group. */
  name: string
  settings: CommonSettings
  log: Logger
  clock?: () => Date
  /** Called when the process cannot do its work any more and has to be replaced. */
  onFatal: (error: unknown) => void
  build: (context: ServiceContext<T>) => ServiceParts<T>
}

/** A service that listens. */
export interface RunningService {
  /** `http://HOST:PORT` */
  url: string
  /** Nothing accepted is lost: requests finish, then the message at hand, then the pools close. */
  stop(): Promise<void>
}

const PURGE_EVERY_MS = 600_000

/** Puts a service together: database, relay, consumer, HTTP behind the assertion, health, metrics; and starts it. */
export async function startService<T extends LibraryTables>(options: ServiceOptions<T>): Promise<RunningService> {
  const { name, settings, log, onFatal } = options
  const migrations = migrationFoldersOf(name)
  const database = openDatabase<T>({
    url: settings.DATABASE_URL,
    applicationName: name,
    log,
    poolSize: settings.DATABASE_POOL_SIZE,
  })
  const { db, pool } = database
  const registry = new Registry()
  observeProcess(registry)
  const assertions = new Assertions(settings.ASSERTION_SECRET)
  const clock = options.clock ?? (() => new Date())
  const parts = options.build({ db, log, clock, assertions, registry, onPublished: () => relay.wake() })

  const erasing = startErasing(parts.erasure as ErasurePart<ErasureTables> | undefined, {
    name,
    db: db as unknown as Kysely<ErasureTables>,
    clock,
    log,
    onPublished: () => relay.wake(),
  })

  const transport = openTransport({ settings, clientId: name, pool, databaseUrl: settings.DATABASE_URL, log, onFatal })
  const relay = startRelay({ db, pool, databaseUrl: settings.DATABASE_URL, transport, log, registry })
  const consumer = startConsumer({
    db,
    transport,
    name,
    handlers: [...(parts.handlers ?? []), ...(erasing.handlers as unknown as EventHandler<T>[])],
    log,
    clock,
    registry,
    onCommit: () => {
      relay.wake()
      erasing.wake()
      parts.onHandled?.()
    },
  })

  const app = bareApp()
  app.use(requestContext(log))
  healthRoutes(app, {
    registry,
    isMigrated: async () => (await pendingMigrations(db as Kysely<unknown>, migrations)).length === 0,
    ping: async () => void (await sql`select 1`.execute(db)),
    details: () => ({ events: consumer.isReady() ? 'ready' : 'connecting' }),
  })
  app.use(
    requireAssertion(assertions),
    wakeAfterWrites(() => relay.wake()),
  )
  parts.mount?.(app)
  const routes = [...parts.routes, openApiRoute(parts.routes)]
  mountRoutes(app, routes, {
    authenticate: assertedCaller,
    metrics: new HttpMetrics(registry),
    bodyLimit: settings.BODY_LIMIT_BYTES,
    checkReplies: settings.NODE_ENV !== 'production',
    dialect: parts.dialect,
  })
  app.use(notFound(parts.routes), errorHandler(parts.dialect?.writeError))

  const server = await listen(app, { host: settings.HOST, port: settings.PORT, graceMs: settings.SHUTDOWN_GRACE_MS })
  const purge = setInterval(() => {
    purgeIdempotencyKeys(db).catch((error) => log.warn('idempotency keys could not be purged', { error }))
  }, PURGE_EVERY_MS)
  log.info('listening', { url: server.url })

  return {
    url: server.url,
    stop: async () => {
      clearInterval(purge)
      await server.stop()
      await consumer.stop()
      await erasing.stop()
      await relay.stop()
      await transport.close()
      await parts.close?.()
      await database.close()
      log.info('stopped')
    },
  }
}

/** A write has most likely put an event into the outbox, and it is committed when the answer is sent. */
function wakeAfterWrites(wake: () => void): RequestHandler {
  return (req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') res.once('finish', wake)
    next()
  }
}

/** Where the gateway reads a service's part of the documentation. */
export const OPENAPI_PATH = '/internal/openapi.json'

function openApiRoute(routes: Route[]): Route {
  const isPublic = ({ definition: { access } }: Route) => access === 'everyone' || access.issuer !== 'internal'
  const part: OpenApiPart = openApiOf(routes.filter(isPublic))
  const definition = defineRoute({
    method: 'get',
    path: OPENAPI_PATH,
    operationId: 'getOpenApiPart',
    summary: "The service's part of the OpenAPI document.",
    tag: 'internal',
    access: { scope: 'internal', issuer: 'internal' },
    responses: { 200: Type.Unsafe<OpenApiPart>({ type: 'object' }) },
  })
  return route(definition, async () => ({ status: 200, body: part }))
}
