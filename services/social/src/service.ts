import { createGeocoder } from '@platform/geo/geocoder.ts'
import { ServiceClient } from '@platform/http/client.ts'
import { BackgroundWork } from '@platform/service/background-work.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { commentRoutes } from './comments/routes.ts'
import { loadConfig } from './config.ts'
import type { SocialTables } from './db/schema.ts'
import { deleteOnce } from './deletions/finish.ts'
import type { Deps } from './deps.ts'
import { ERASURE_STEPS } from './erasure/steps.ts'
import { onGroupEvents } from './events/on-group-events.ts'
import { onModerationTransition } from './events/on-moderation-transition.ts'
import { onParticipantEvents } from './events/on-participant-events.ts'
import { internalRoutes } from './internal-routes.ts'
import { likeRoutes } from './likes/routes.ts'
import { Cursors } from './lists/cursor.ts'
import { markRoutes } from './marks/routes.ts'
import { changePostRoutes } from './posts/change-routes.ts'
import { groupPostRoutes } from './posts/group-routes.ts'
import { profilePostRoutes } from './posts/profile-routes.ts'
import { repostRoutes } from './reposts/routes.ts'

/** Starts the social service: posts, comments, likes, reposts, feeds. */
export async function start({ env, log, clock, onFatal }: StartOptions): Promise<RunningService> {
  const config = loadConfig(env)
  return startService<SocialTables>({
    name: 'social',
    settings: config,
    log,
    clock,
    onFatal,
    build: ({ db, clock, log, assertions, onPublished }) => {
      const groups = new ServiceClient({ service: 'groups', baseUrl: config.GROUPS_URL, assertions, log })
      const deleting = new BackgroundWork({
        name: 'deletions',
        log,
        work: () => deleteOnce(db, config.DELETION_BATCH_SIZE),
        onDone: onPublished,
      })
      const geocoder = createGeocoder({
        provider: config.GEOCODER,
        url: config.GEOCODER_URL,
        timeoutMs: config.GEOCODER_TIMEOUT_MS,
        log,
      })
      const { redactedStatuses } = config
      const cursors = new Cursors(config.CURSOR_SECRET)
      const deps: Deps = { db, groups, clock, geocoder, redactedStatuses, onDeleted: () => deleting.wake() }
      return {
        // `/posts/suggested` and `/posts/seen` come before `/posts/{postId}`.
        routes: [
          ...groupPostRoutes(deps, cursors),
          ...markRoutes(deps),
          ...profilePostRoutes(deps, cursors),
          ...changePostRoutes(deps),
          ...likeRoutes(deps),
          ...repostRoutes(deps),
          ...commentRoutes(deps, cursors),
          ...internalRoutes({ db }),
        ],
        handlers: [...onGroupEvents, ...onParticipantEvents, onModerationTransition],
        erasure: {
          steps: ERASURE_STEPS,
          batchSize: config.ERASURE_BATCH_SIZE,
          onDone: () => deleting.wake(),
        },
        onHandled: () => deleting.wake(),
        close: async () => {
          await deleting.stop()
          await groups.close()
        },
      }
    },
  })
}
