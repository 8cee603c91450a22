import { ServiceClient } from '@platform/http/client.ts'
import type { StartOptions } from '@platform/service/process.ts'
import { type RunningService, startService } from '@platform/service/service.ts'
import { loadConfig } from './config.ts'
import { migrationFolders } from './db/migrations.ts'
import type { ModerationTables } from './db/schema.ts'
import { onGroupEvents } from './events/on-group-events.ts'
import { groupKind } from './groups/group-kind.ts'
import { queueRoutes } from './queue/routes.ts'
import { reportRoutes } from './reports/routes.ts'
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
    migrations: migrationFolders,
    build: ({ db, clock, log, assertions }) => {
      const groups = new ServiceClient({ service: 'groups', baseUrl: config.GROUPS_URL, assertions, log })
      const group = groupKind(groups)
      const kinds = [group]
      return {
        routes: [
          ...kinds.flatMap((kind) => transitionRoutes({ db, clock }, kind)),
          ...kinds.flatMap((kind) => subjectRoutes({ db }, kind)),
          ...queueRoutes({ db }, kinds),
          ...reportRoutes({ db, clock, threshold: config.REPORT_THRESHOLD }, kinds),
        ],
        handlers: onGroupEvents(group, clock),
        close: () => groups.close(),
      }
    },
  })
}
