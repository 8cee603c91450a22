import { bareApp } from '@platform/http/app.ts'
import { type Listening, type ListenOptions, listen } from '@platform/http/server.ts'
import type { Registry } from 'prom-client'

/** Serves `/metrics` on a port of its own, which the public does not reach. */
export async function startMetrics(registry: Registry, options: ListenOptions): Promise<Listening> {
  const app = bareApp()
  app.get('/metrics', async (_req, res) => void res.type(registry.contentType).send(await registry.metrics()))
  return listen(app, options)
}
