import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Database } from '@platform/db/database.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import { openSocial } from './database.ts'
import { GroupsUpstream } from './groups-upstream.ts'

/** The service by itself: no event reaches it, so that its copy is as late as can be. */
export interface SocialAlone {
  groups: GroupsUpstream
  social: Database<SocialTables>
  person(): ServiceCaller
  stop(): Promise<void>
}

/** @param clock of the service; default: the machine's */
export async function startSocialAlone({ clock }: { clock?: () => Date } = {}): Promise<SocialAlone> {
  const groups = new GroupsUpstream()
  const database = await cloneDatabase()
  const social = openSocial(database)
  const service = await start({
    env: { NODE_ENV: 'test', DATABASE_URL: database.urlFor('social'), GROUPS_URL: await groups.start() },
    log: createLogger({ service: 'test', level: 'silent', format: 'pretty' }),
    onFatal: () => {},
    clock,
  })
  return {
    groups,
    social,
    person: () => new ServiceCaller(service.url, DEVELOPMENT_SECRET),
    stop: async () => {
      await service.stop()
      await groups.stop()
      await social.close()
      await database.drop()
    },
  }
}
