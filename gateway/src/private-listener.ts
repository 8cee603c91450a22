import { bareApp, errorHandler, mountRoutes, notFound, requestContext } from '@platform/http/app.ts'
import type { Assertions } from '@platform/http/assertion.ts'
import type { HttpMetrics } from '@platform/http/metrics.ts'
import type { Route } from '@platform/http/route.ts'
import { type Listening, type ListenOptions, listen } from '@platform/http/server.ts'
import type { Logger } from '@platform/log/logger.ts'
import { assertedCaller, requireAssertion } from '@platform/service/asserted.ts'
import type { Registry } from 'prom-client'

export interface PrivateListenerOptions {
  registry: Registry
  /** Routes for other services, behind an assertion that a service signs. */
  routes: Route[]
  assertions: Assertions
  metrics: HttpMetrics
  log: Logger
  bodyLimit: number
  checkReplies: boolean
}

/**
 * Serves `/metrics` and the internal routes on a port that the public does not reach. `/metrics` needs no assertion,
 * since Prometheus cannot sign one.
 */
export async function startPrivateListener(
  { registry, routes, assertions, log, ...mountOptions }: PrivateListenerOptions,
  listenOptions: ListenOptions,
): Promise<Listening> {
  const app = bareApp()
  app.use(requestContext(log))
  app.get('/metrics', async (_req, res) => void res.type(registry.contentType).send(await registry.metrics()))
  app.use(requireAssertion(assertions))
  mountRoutes(app, routes, { ...mountOptions, authenticate: assertedCaller })
  app.use(notFound(routes), errorHandler())
  return listen(app, listenOptions)
}
