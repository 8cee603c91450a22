import { randomUUID } from 'node:crypto'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import type { Database } from '@platform/db/database.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { EmbeddedLog } from '@platform/events/embedded-log.ts'
import type { EventType } from '@platform/events/event-type.ts'
import { createLogger } from '@platform/log/logger.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import type { SocialTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import { openSocial } from './database.ts'
import { GroupsUpstream } from './groups-upstream.ts'

/** The service by itself: no event reaches it but those that a test sends, so that its copy is as late as can be. */
export interface SocialAlone {
  groups: GroupsUpstream
  social: Database<SocialTables>
  database: TestDatabase
  person(): ServiceCaller
  /** Puts an event on the transport, under its subject, and does not wait for it. */
  send<D>(type: EventType<D>, event: Pick<CloudEvent<D>, 'subject' | 'data'> & Partial<CloudEvent<D>>): Promise<void>
  stop(): Promise<void>
}

/** @param clock of the service; default: the machine's */
export async function startSocialAlone({ clock }: { clock?: () => Date } = {}): Promise<SocialAlone> {
  const groups = new GroupsUpstream()
  const database = await cloneDatabase()
  const social = openSocial(database)
  const databaseUrl = database.urlFor('social')
  const log = createLogger({ service: 'test', level: 'silent', format: 'pretty' })
  const transport = new EmbeddedLog({ pool: social.pool, databaseUrl, log, prefix: '' })
  const service = await start({
    env: { NODE_ENV: 'test', DATABASE_URL: databaseUrl, GROUPS_URL: await groups.start() },
    log,
    onFatal: () => {},
    clock,
  })
  return {
    groups,
    social,
    database,
    send: async ({ type, topic }, event) => {
      const envelope = {
        specversion: '1.0',
        id: randomUUID(),
        source: '/services/groups',
        type,
        time: '2026-01-01T10:00:00.000Z',
        datacontenttype: 'application/json',
        entityversion: 1,
        ...event,
      }
      await transport.ensureTopics([topic])
      await transport.send([{ topic, key: event.subject, value: JSON.stringify(envelope) }])
    },
    person: () => new ServiceCaller(service.url, DEVELOPMENT_SECRET),
    stop: async () => {
      await service.stop()
      await transport.close()
      await groups.stop()
      await social.close()
      await database.drop()
    },
  }
}
