import { createGeocoder } from '@platform/geo/geocoder.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { loadConfig } from './config.ts'
import { migrationFolders } from './db/migrations.ts'
import type { GroupsTables } from './db/schema.ts'
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
    migrations: migrationFolders,
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
          ...internalRoutes({ db }),
        ],
        handlers: [onModerationTransition],
      }
    },
  })
}
