import { ServiceClient } from '@platform/http/client.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { loadConfig } from './config.ts'
import type { ModerationTables } from './db/schema.ts'
import { ERASURE_STEPS } from './erasure/steps.ts'
import { COMMENT_EVENTS, GROUP_EVENTS, onContentEvents, POST_EVENTS } from './events/on-content-events.ts'
import { groupKind } from './groups/group-kind.ts'
import { queueRoutes } from './queue/routes.ts'
import { reportRoutes } from './reports/routes.ts'
import { commentKind } from './social/comment-kind.ts'
import { postKind } from './social/post-kind.ts'
import { subjectRoutes } from './subjects/routes.ts'
import { transitionRoutes } from './transitions/routes.ts'

/** Starts the moderation service: the status machine, its audit trail, the queue, reports. */
export async function start({ env, log, clock, onFatal }: StartOptions): Promise<RunningService> {
  const config = loadConfig(env)
  return startService<ModerationTables>({
    name: 'moderation',
    settings: config,
    log,
    clock,
    onFatal,
    build: ({ db, clock, log, assertions }) => {
      const groups = new ServiceClient({ service: 'groups', baseUrl: config.GROUPS_URL, assertions, log })
      const social = new ServiceClient({ service: 'social', baseUrl: config.SOCIAL_URL, assertions, log })
      const [post, comment, group] = [postKind(social), commentKind(social), groupKind(groups)]
      const kinds = [post, comment, group]
      return {
        routes: [
          ...kinds.flatMap((kind) => transitionRoutes({ db, clock }, kind)),
          ...kinds.flatMap((kind) => subjectRoutes({ db }, kind)),
          ...queueRoutes({ db }, kinds),
          ...reportRoutes({ db, clock, threshold: config.REPORT_THRESHOLD }, kinds),
        ],
        handlers: [
          ...onContentEvents(post, POST_EVENTS, clock),
          ...onContentEvents(comment, COMMENT_EVENTS, clock),
          ...onContentEvents(group, GROUP_EVENTS, clock),
        ],
        erasure: { steps: ERASURE_STEPS, batchSize: config.ERASURE_BATCH_SIZE },
        close: async () => {
          await groups.close()
          await social.close()
        },
      }
    },
  })
}
