import { createGeocoder } from '@platform/geo/geocoder.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { loadConfig } from './config.ts'
import type { GroupsTables } from './db/schema.ts'
import { notePart } from './erasure/erasures.ts'
import { erasureRoutes } from './erasure/routes.ts'
import { ERASURE_STEPS } from './erasure/steps.ts'
import { onAccountDeleted } from './events/on-account-deleted.ts'
import { onErasureParts } from './events/on-erasure-parts.ts'
import { onModerationTransition } from './events/on-moderation-transition.ts'
import { internalRoutes } from './groups/internal-routes.ts'
import { groupRoutes } from './groups/routes.ts'
import { participantRoutes } from './participants/routes.ts'

/** Starts the groups service: groups, following, muting, admins. */
export async function start({ env, log, clock, onFatal }: StartOptions): Promise<RunningService> {
  const config = loadConfig(env)
  return startService<GroupsTables>({
    name: 'groups',
    settings: config,
    log,
    clock,
    onFatal,
    build: ({ db, clock, log }) => {
      const geocoder = createGeocoder({
        provider: config.GEOCODER,
        url: config.GEOCODER_URL,
        timeoutMs: config.GEOCODER_TIMEOUT_MS,
        log,
      })
      const { redactedStatuses } = config
      return {
        routes: [
          ...groupRoutes({ db, clock, geocoder, redactedStatuses }),
          ...participantRoutes({ db, clock }),
          ...erasureRoutes({ db, clock }),
          ...internalRoutes({ db }),
        ],
        handlers: [onModerationTransition, onAccountDeleted(clock), ...onErasureParts(clock)],
        erasure: {
          steps: ERASURE_STEPS,
          batchSize: config.ERASURE_BATCH_SIZE,
          report: (trx, { isComplete, ...progress }, cause) =>
            notePart(trx, { ...progress, service: 'groups', completedAt: isComplete ? cause.at : undefined }, cause),
        },
      }
    },
  })
}
