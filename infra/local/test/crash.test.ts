import { randomBytes } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { cloneDatabase } from '@platform/testing/database.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, startIssuer } from '@platform/testing/issuer.ts'
import { findKafkaBrokers, uniquePrefix } from '@platform/testing/kafka.ts'
import { startProcesses, type TestProcesses } from '@platform/testing/processes.ts'
import { onServer } from '@platform/testing/server.ts'
import pg from 'pg'

/** What the platform said yes to; all of it has to be there afterwards. */
interface Acknowledged {
  groups: Set<string>
  /** `GROUP/USER` */
  followers: Set<string>
  transitions: Set<string>
}

const LOADS = 6
const STATUSES = ['review', 'flagged', 'rejected']

/** One client that creates, follows and moderates until it is told to stop. Refusals and broken connections are no news. */
async function work(person: Person, acknowledged: Acknowledged, isOver: () => boolean): Promise<void> {
  for (let round = 0; !isOver(); round++) {
    try {
      const input = {
        name: 'n',
        description: 'd',
        shortName: `c_${randomBytes(10).toString('hex')}`,
        postRules: 'Everyone',
      }
      const created = await person.post<{ id: string }>('/groups', input)
      if (created.status === 201) acknowledged.groups.add(created.body.id)
      const groupId = [...acknowledged.groups].at(-1 - (round % 3))
      if (!groupId) continue
      const followed = await person.post(`/groups/${groupId}/follow`)
      if (followed.status === 204) acknowledged.followers.add(`${groupId}/${person.id}`)
      const status = STATUSES[round % STATUSES.length]
      const moved = await person.post<{ id: string }>(`/moderation/groups/${groupId}/transitions`, { status })
      if (moved.status === 200) acknowledged.transitions.add(moved.body.id)
    } catch {
      // The process at the other end died; what it had not acknowledged may or may not have happened.
    }
  }
}

/** Kills and restarts each process in turn, and cuts the connections that the relays hold their locks on. */
async function crashEverything(platform: TestProcesses, adminUrl: string): Promise<void> {
  for (const name of ['groups', 'moderation', 'gateway', 'groups', 'moderation']) {
    const process = platform.get(name)
    await process.kill()
    await process.restart()
    await onServer(adminUrl, (client) =>
      client.query(`
        select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`),
    )
  }
}

interface GroupRow {
  id: string
  moderation_status: string
  moderation_version: number
  version: number
  participants_count: number
  participants: number
}

interface ItemRow {
  entity_id: string
  status: string
  transition_count: number
  content_version: number
}

async function crashUnderLoad(kafka?: { brokers: string; topicPrefix: string }): Promise<void> {
  const database = await cloneDatabase()
  const issuer = await startIssuer()
  const platform = await startProcesses({
    database,
    kafka,
    env: { gateway: { JWT_ISSUERS: issuer.setting, RATE_LIMITS: 'off' } },
  })
  const admin = new pg.Pool({ connectionString: database.adminUrl, max: 2 })
  try {
    const acknowledged: Acknowledged = { groups: new Set(), followers: new Set(), transitions: new Set() }
    let isOver = false
    const { url } = platform.get('gateway')
    const load = Array.from({ length: LOADS }, () =>
      work(issuer.person(url, { roles: ['moderator'] }), acknowledged, () => isOver),
    )
    await crashEverything(platform, database.adminUrl)
    await eventually(() => expect(acknowledged.transitions.size).toBeGreaterThan(50))
    isOver = true
    await Promise.all(load)

    const { rows: participants } = await admin.query<{ place: string }>(
      `select group_id || '/' || user_id as place from groups.participant where deleted_at is null`,
    )
    const places = new Set(participants.map(({ place }) => place))
    expect([...acknowledged.followers].filter((place) => !places.has(place))).toEqual([])

    await eventually(
      async () => {
        const { rows: groups } = await admin.query<GroupRow>(`
          select id, moderation_status, moderation_version, version, participants_count,
            (select count(*)::int from groups.participant p where p.group_id = g.id and p.deleted_at is null) as participants
          from groups."group" g`)
        const { rows: items } = await admin.query<ItemRow>(
          'select entity_id, status, transition_count, content_version from moderation.item',
        )
        const itemOf = new Map(items.map((item) => [item.entity_id, item]))
        const ids = new Set(groups.map(({ id }) => id))
        expect([...acknowledged.groups].filter((id) => !ids.has(id))).toEqual([])
        // Every event took effect, once: both sides are at the same versions, in both directions.
        for (const group of groups) {
          const item = itemOf.get(group.id)
          expect(item).toEqual({
            entity_id: group.id,
            status: group.moderation_status,
            transition_count: group.moderation_version,
            content_version: group.version,
          })
          expect(group.participants_count).toBe(group.participants)
        }
        const { rows: left } = await admin.query(`
          select 'groups' as outbox, id from groups.outbox union all select 'moderation', id from moderation.outbox`)
        expect(left).toEqual([])
      },
      { everyMs: 250 },
    )
    const { rows: transitions } = await admin.query<{ id: string; entity_id: string; version: number }>(`
      select t.id, i.entity_id, i.transition_count as version from moderation.item i
      join moderation.transition t using (entity_type, entity_id)`)
    const recorded = new Set(transitions.map(({ id }) => id))
    expect([...acknowledged.transitions].filter((id) => !recorded.has(id))).toEqual([])
    const trails = Map.groupBy(transitions, ({ entity_id }) => entity_id)
    expect([...trails.values()].filter((trail) => trail[0]?.version !== trail.length)).toEqual([])
  } finally {
    await admin.end()
    await platform.stop()
    await issuer.stop()
    await database.drop()
  }
}

const brokers = findKafkaBrokers()
const transports = brokers ? ['the embedded log', 'Kafka'] : ['the embedded log']

describe('kill -9 of every process and cut relays under load', () => {
  it.each(transports)('loses nothing on %s, and every event takes effect once', async (transport) => {
    await crashUnderLoad(brokers && transport === 'Kafka' ? { brokers, topicPrefix: uniquePrefix() } : undefined)
  })
})
