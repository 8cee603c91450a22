import { bareApp, errorHandler, type MountOptions, mountRoutes, notFound, requestContext } from '@platform/http/app.ts'
import type { Route } from '@platform/http/route.ts'
import type { Logger } from '@platform/log/logger.ts'
import type { Express } from 'express'
import type { Authenticator } from './credentials/authenticator.ts'
import { readCredential } from './credentials/credential.ts'
import { exchangeOf, setHeaders } from './exchange.ts'
import { standingHeaders } from './limits/rate-limiter.ts'
import type { RequestLimits } from './limits/request-limits.ts'

export interface OwnAppOptions extends Omit<MountOptions, 'authenticate'> {
  routes: Route[]
  /** What is served beside the routes: health, documentation. */
  extras: ((app: Express) => void)[]
  authenticator: Authenticator
  limits: RequestLimits
  log: Logger
  trustedProxies: number
  /** A write has most likely put an event into the outbox. */
  afterWrite: () => void
}

/** The gateway's own part of the API. */
export function createOwnApp(options: OwnAppOptions): Express {
  const { routes, extras, authenticator, limits, log, trustedProxies } = options
  const app = bareApp()
  app.set('trust proxy', trustedProxies)
  app.use(requestContext(log))
  app.use((req, res, next) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') res.once('finish', options.afterWrite)
    next()
  })
  for (const extra of extras) extra(app)
  mountRoutes(app, routes, {
    ...options,
    authenticate: async (req) => {
      const exchange = exchangeOf(req)
      const verdict = await authenticator.authenticate(readCredential(req.headers, exchange.target?.apiKey))
      exchange.caller = verdict.caller
      const standing = await limits.takeForCaller(verdict)
      if (req.res) setHeaders(req.res, standingHeaders(standing))
      return verdict.caller
    },
  })
  app.use(notFound(routes), errorHandler())
  return app
}
