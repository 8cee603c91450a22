import { liftBodyTimeLimit } from '@platform/http/server.ts'
import type { Express } from 'express'
import type { OpenedMediaStore } from './settings.ts'

// As long as the gateway waits without progress.
const IDLE_MS = 30_000

/** Mounts the store's own routes, if it has any. A large upload may take any time, as long as bytes arrive. */
export function mountMedia(app: Express, { mount }: Pick<OpenedMediaStore, 'mount'>): void {
  app.use('/media-files', (req, res, next) => {
    liftBodyTimeLimit(req, res)
    req.setTimeout(IDLE_MS, () => req.destroy())
    next()
  })
  mount(app)
}
