import { ServiceClient } from '@platform/http/client.ts'
import { SignedTokens } from '@platform/http/signed-token.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { accessRoutes } from './access/routes.ts'
import { actionRoutes } from './actions/routes.ts'
import { changesRoutes } from './changes/routes.ts'
import { loadConfig } from './config.ts'
import type { MomentsTables } from './db/schema.ts'
import type { Deps } from './deps.ts'
import { ERASURE_STEPS } from './erasure/steps.ts'
import { onAccountEvents } from './events/on-account.ts'
import { onRobotAccessEvents } from './events/on-robot-access.ts'
import { onRobotMoment } from './events/on-robot-moment.ts'
import { startHousekeeping } from './housekeeping.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { seenRoutes } from './marks/batch-routes.ts'
import { pinRoutes } from './marks/pin-routes.ts'
import { startPublishingCounts } from './marks/publish-counts.ts'
import { markRoutes } from './marks/routes.ts'
import { storeAddresses } from './media/addresses.ts'
import { mountMedia } from './media/mount.ts'
import { mediaRoutes } from './media/routes.ts'
import { createMediaStore } from './media/settings.ts'
import { readMomentRoutes } from './moments/read-routes.ts'
import { robotRoutes } from './robots/routes.ts'
import { smartRoutes } from './smart/routes.ts'
import { startSmartUpkeep } from './smart/upkeep.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { startRetention } from './trash/retention.ts'
import { trashRoutes } from './trash/routes.ts'
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
        purgeLeaseMs: config.PURGE_LEASE_MS,
        pollMs: config.HOUSEKEEPING_POLL_MS,
        onPublished,
      })
      const working = [
        housekeeping,
        startPublishingCounts({ db, clock, log, onPublished }),
        startRetention({ db, clock, log, onPublished }),
        startSmartUpkeep({ db, clock, log }),
      ]
      return {
        // Fixed paths come before `/moments/{momentUUID}`.
        routes: [
          ...timelineRoutes(deps),
          ...changesRoutes(deps),
          ...ingestRoutes(deps),
          ...uploadRoutes(deps),
          ...mediaRoutes(deps),
          ...smartRoutes(deps),
          ...seenRoutes(deps),
          ...trashRoutes(deps, { trashDays: config.TRASH_DAYS }),
          ...markRoutes(deps),
          ...pinRoutes(deps),
          ...actionRoutes(deps),
          ...readMomentRoutes(deps),
          ...robotRoutes(deps),
          ...accessRoutes(deps),
        ],
        mount: (app) => mountMedia(app, media),
        handlers: [onRobotMoment(deps), ...onAccountEvents, ...onRobotAccessEvents],
        erasure: {
          steps: ERASURE_STEPS,
          batchSize: config.ERASURE_BATCH_SIZE,
          onDone: () => housekeeping.wakePurge(),
        },
        close: async () => {
          await Promise.all(working.map((work) => work.stop()))
          await store.close()
          await gateway.close()
        },
      }
    },
  })
}
