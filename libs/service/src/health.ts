import type { Express } from 'express'
import type { Registry } from 'prom-client'

export interface HealthOptions {
  /** Absent where metrics are served on another port. */
  registry?: Registry
  /** Whether the schema is the one that this code needs. */
  isMigrated: () => Promise<boolean>
  /** Rejects while the database is out of reach. */
  ping: () => Promise<void>
  /** More to show; it does not decide. Events are here: writes go on while their transport is away. */
  details?: () => Record<string, unknown>
}

/**
 * `/healthz`: the process answers. `/readyz`: it can serve, 503 otherwise. `/metrics`: Prometheus text.
 */
export function healthRoutes(app: Express, options: HealthOptions): void {
  let isMigrated = false
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }))
  app.get('/readyz', async (_req, res) => {
    const details = options.details?.() ?? {}
    try {
      await options.ping()
      isMigrated ||= await options.isMigrated()
      const status = isMigrated ? 'ready' : 'migrations are missing'
      res.status(isMigrated ? 200 : 503).json({ status, ...details })
    } catch {
      res.status(503).json({ status: 'the database does not answer', ...details })
    }
  })
  const { registry } = options
  if (registry) {
    app.get('/metrics', async (_req, res) => void res.type(registry.contentType).send(await registry.metrics()))
  }
}
