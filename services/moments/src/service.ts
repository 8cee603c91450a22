import { ServiceClient } from '@platform/http/client.ts'
import { SignedTokens } from '@platform/http/signed-token.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { loadConfig } from './config.ts'
import type { MomentsTables } from './db/schema.ts'
import type { Deps } from './deps.ts'
import { onRobotMoment } from './events/on-robot-moment.ts'
import { startHousekeeping } from './housekeeping.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { storeAddresses } from './media/addresses.ts'
import { mountMedia } from './media/mount.ts'
import { mediaRoutes } from './media/routes.ts'
import { createMediaStore } from './media/settings.ts'
import { readMomentRoutes } from './moments/read-routes.ts'
import { uploadRoutes } from './uploads/routes.ts'

/** Starts the moments service: timeline, media, feedback, trash, smart feed. */
export async function start({ env, log, clock, onFatal }: StartOptions): Promise<RunningService> {
  const config = loadConfig(env)
  return startService<MomentsTables>({
    name: 'moments',
    settings: config,
    log,
    clock,
    onFatal,
    build: ({ db, clock, log, assertions, onPublished }) => {
      const gateway = new ServiceClient({ service: 'gateway', baseUrl: config.GATEWAY_PRIVATE_URL, assertions, log })
      const media = createMediaStore(config, log, clock)
      const { store } = media
      const deps: Deps = {
        db,
        clock,
        tokens: new SignedTokens(config.CURSOR_SECRET),
        addresses: storeAddresses({ store, clock, minutes: config.MEDIA_URL_MINUTES }),
        store,
        uploadMinutes: config.UPLOAD_URL_MINUTES,
        gateway,
      }
      const housekeeping = startHousekeeping({
        ...deps,
        log,
        trashDays: config.TRASH_DAYS,
        tombstoneDays: config.TOMBSTONE_DAYS,
        pollMs: config.HOUSEKEEPING_POLL_MS,
        onPublished,
      })
      return {
        routes: [...ingestRoutes(deps), ...uploadRoutes(deps), ...mediaRoutes(deps), ...readMomentRoutes(deps)],
        mount: (app) => mountMedia(app, media),
        handlers: [onRobotMoment(deps)],
        erasure: { steps: [], batchSize: config.ERASURE_BATCH_SIZE },
        close: async () => {
          await housekeeping.stop()
          await store.close()
          await gateway.close()
        },
      }
    },
  })
}
