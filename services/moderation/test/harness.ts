import { randomBytes, randomUUID } from 'node:crypto'
import { DEVELOPMENT_SECRET } from '@platform/config/env.ts'
import { type GroupState, groupCreated, groupDeleted, groupUpdated } from '@platform/contracts/groups.ts'
import { type Database, openDatabase } from '@platform/db/database.ts'
import type { CloudEvent } from '@platform/events/cloud-event.ts'
import { EmbeddedLog } from '@platform/events/embedded-log.ts'
import type { EventTransport } from '@platform/events/transport.ts'
import type { Role } from '@platform/http/assertion.ts'
import { createLogger } from '@platform/log/logger.ts'
import type { RunningService } from '@platform/service/service.ts'
import { cloneDatabase, type TestDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { ServiceCaller } from '@platform/testing/service-client.ts'
import { sql } from 'kysely'
import type { ModerationTables } from '../src/db/schema.ts'
import { start } from '../src/service.ts'
import type { TransitionRecord } from '../src/transitions/transition-record.ts'
import { type GroupsUpstream, startGroupsUpstream } from './groups-upstream.ts'

/** The moderation service on a database of its own, with what stands around it. */
export interface Harness {
  url: string
  database: TestDatabase
  /** The service's own login. */
  db: Database<ModerationTables>['db']
  groups: GroupsUpstream
  transport: EventTransport
  moderator: ServiceCaller
  caller(roles?: Role[], scopes?: string[]): ServiceCaller
  /** Publishes a group's state as the groups service does, and waits until moderation has it. */
  group(change?: Partial<GroupState>): Promise<GroupState>
  /** The same for its next version. */
  edit(group: GroupState, change?: Partial<GroupState>, actorId?: string): Promise<GroupState>
  /** Puts an event on the transport and does not wait for it. */
  send(event: CloudEvent<GroupState>): Promise<void>
  /** What the service has published of an entity so far, in order. */
  published(entityId: string): CloudEvent<TransitionRecord>[]
  /** The service's time, which only this moves. */
  advance(seconds: number): Date
  /** What the queue's totals say, and what counting the items says. */
  totals(): Promise<{ kept: Total[]; counted: Total[] }>
  stop(): Promise<void>
}

interface Total {
  entity_type: string
  status: string
  total: number
}

/** A group that somebody new owns. */
export function newGroupState(change: Partial<GroupState> = {}): GroupState {
  return {
    id: randomUUID(),
    name: 'Runners',
    description: 'We run.',
    shortName: `g_${randomBytes(6).toString('hex')}`,
    postRules: 'Everyone',
    groupType: 'Public',
    ownerId: randomUUID(),
    contentRevision: 1,
    createdAt: '2026-01-01T10:00:00.000Z',
    updatedAt: '2026-01-01T10:00:00.000Z',
    ...change,
  }
}

/** An event as the groups service writes it: created, updated or deleted, by what the state says. */
export function groupEvent(
  state: GroupState,
  entityversion: number,
  extensions: Partial<CloudEvent> = {},
): CloudEvent<GroupState> {
  const type = state.deletedAt ? groupDeleted : entityversion === 1 ? groupCreated : groupUpdated
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: '/services/groups',
    type: type.type,
    subject: state.id,
    time: state.updatedAt,
    datacontenttype: 'application/json',
    dataschema: type.dataschema,
    entityversion,
    actorid: state.ownerId,
    ...extensions,
    data: state,
  }
}

/** Starts it; `env` is added to the service's environment. */
export async function startHarness(env: Record<string, string> = {}): Promise<Harness> {
  const log = createLogger({
    service: 'test',
    level: process.env.TEST_LOG === '1' ? 'debug' : 'silent',
    format: 'pretty',
  })
  const database = await cloneDatabase()
  const groups = await startGroupsUpstream()
  const databaseUrl = database.urlFor('moderation')
  let now = Date.now()
  const service: RunningService = await start({
    env: { NODE_ENV: 'test', DATABASE_URL: databaseUrl, GROUPS_URL: groups.url, SHUTDOWN_GRACE_MS: '2000', ...env },
    log,
    clock: () => new Date(now),
    onFatal: (error) => log.error('fatal', { error }),
  })
  const groupsDatabase = openDatabase<unknown>({
    url: database.urlFor('groups'),
    applicationName: 'test',
    log,
    poolSize: 2,
  })
  const transport = new EmbeddedLog({
    pool: groupsDatabase.pool,
    databaseUrl: database.urlFor('groups'),
    log,
    prefix: '',
  })
  await transport.ensureTopics(['groups.group', 'moderation.transition'])
  const own = openDatabase<ModerationTables>({ url: databaseUrl, applicationName: 'test', log, poolSize: 2 })
  const heard = new Map<string, CloudEvent<TransitionRecord>>()
  const hearing = transport.consume({
    group: 'test',
    topics: ['moderation.transition'],
    handle: async ({ messages }) => {
      for (const { value } of messages) {
        const event: CloudEvent<TransitionRecord> = JSON.parse(value)
        heard.set(event.id, event)
      }
    },
  })
  const versions = new Map<string, number>()
  const send = (event: CloudEvent<GroupState>) =>
    transport.send([{ topic: 'groups.group', key: event.subject, value: JSON.stringify(event) }])
  const tell = async (state: GroupState, extensions?: Partial<CloudEvent>): Promise<GroupState> => {
    const version = (versions.get(state.id) ?? 0) + 1
    versions.set(state.id, version)
    await send(groupEvent(state, version, extensions))
    await eventually(async () => {
      const item = await own.db
        .selectFrom('item')
        .select('content_version')
        .where('entity_id', '=', state.id)
        .executeTakeFirst()
      if (item?.content_version !== version) throw new Error(`Version ${version} has not arrived.`)
    })
    return state
  }
  const caller = (roles: Role[] = ['user'], scopes?: string[]) =>
    new ServiceCaller(service.url, DEVELOPMENT_SECRET, { roles, scopes }, { now: () => now })
  return {
    url: service.url,
    database,
    db: own.db,
    groups,
    transport,
    caller,
    moderator: caller(['user', 'moderator']),
    group: (change) => tell(newGroupState(change)),
    edit: (group, change, actorId) =>
      tell(
        { ...group, contentRevision: group.contentRevision + 1, description: `Edited ${randomUUID()}`, ...change },
        actorId === undefined ? {} : { actorid: actorId },
      ),
    send,
    published: (entityId) =>
      [...heard.values()]
        .filter(({ subject }) => subject === entityId)
        .sort((a, b) => a.entityversion - b.entityversion),
    advance: (seconds) => {
      now += seconds * 1000
      return new Date(now)
    },
    totals: async () => ({
      kept: (
        await sql<Total>`
          select entity_type, status, sum(total)::bigint as total from item_total
          group by 1, 2 having sum(total) <> 0 order by 1, 2`.execute(own.db)
      ).rows,
      counted: (
        await sql<Total>`
          select entity_type, status, count(*) as total from item where deleted_at is null
          group by 1, 2 order by 1, 2`.execute(own.db)
      ).rows,
    }),
    stop: async () => {
      await hearing.stop()
      await service.stop()
      await transport.close()
      await groupsDatabase.close()
      await own.close()
      await groups.stop()
      await database.drop()
    },
  }
}
