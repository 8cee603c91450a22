import { ServiceClient } from '@platform/http/client.ts'
import { SignedTokens } from '@platform/http/signed-token.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { actionRoutes } from './actions/routes.ts'
import { changesRoutes } from './changes/routes.ts'
import { loadConfig } from './config.ts'
import type { MomentsTables } from './db/schema.ts'
import type { Deps } from './deps.ts'
import { seenRoutes } from './marks/batch-routes.ts'
import { pinRoutes } from './marks/pin-routes.ts'
import { startPublishingCounts } from './marks/publish-counts.ts'
import { markRoutes } from './marks/routes.ts'
import { readMomentRoutes } from './moments/read-routes.ts'
import { smartRoutes } from './smart/routes.ts'
import { smartErasureSteps, startSmartUpkeep } from './smart/upkeep.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { startRetention } from './trash/retention.ts'
import { trashRoutes } from './trash/routes.ts'

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
      const deps: Deps = {
        db,
        clock,
        tokens: new SignedTokens(config.CURSOR_SECRET),
        addresses: { addressOf: async ({ id }) => ({ uri: `/media/${id}`, expiresAt: clock() }) },
        gateway,
      }
      const working = [
        startPublishingCounts({ db, clock, log, onPublished }),
        startRetention({ db, clock, log, onPublished }),
        startSmartUpkeep({ db, clock, log }),
      ]
      return {
        // Fixed paths come before `/moments/{momentUUID}`.
        routes: [
          ...timelineRoutes(deps),
          ...changesRoutes(deps),
          ...smartRoutes(deps),
          ...seenRoutes(deps),
          ...trashRoutes(deps, { trashDays: config.TRASH_DAYS }),
          ...markRoutes(deps),
          ...pinRoutes(deps),
          ...actionRoutes(deps),
          ...readMomentRoutes(deps),
        ],
        erasure: { steps: smartErasureSteps, batchSize: config.ERASURE_BATCH_SIZE },
        close: async () => {
          await Promise.all(working.map((work) => work.stop()))
          await gateway.close()
        },
      }
    },
  })
}
