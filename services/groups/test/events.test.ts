import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { ROOT } from '@platform/platform/paths.ts'
import { eventually } from '@platform/testing/eventually.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import { onServer } from '@platform/testing/server.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup, uniqueName } from './make-group.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

interface Told {
  type: string
  subject: string
  entityversion: number
  actorid: string
  traceparent: string
  data: Record<string, unknown>
}

/** What was published under a key, in order. */
async function published(key: string): Promise<Told[]> {
  const rows = await onServer(platform.database.adminUrl, async (client) => {
    const { rows } = await client.query<{ value: string }>(
      'select value from event_log.record where key = $1 order by topic, "offset"',
      [key],
    )
    return rows
  })
  return rows.map(({ value }) => JSON.parse(value))
}

const MEDIA = '00000000-0000-1000-9000-510d9bb07630'

async function rejectedGroup(owner: Person, fields: object = {}): Promise<Group> {
  const { body: group } = await owner.post<Group>('/groups', { ...newGroup(), ...fields })
  const moderator = platform.person({ roles: ['moderator'] })
  expect((await moderator.post(`/moderation/groups/${group.id}/transitions`, { status: 'rejected' })).status).toBe(200)
  await eventually(async () => {
    expect((await owner.get<Group>(`/groups/${group.id}`)).body.moderationStatus).toBe('rejected')
  })
  return group
}

describe('what the service publishes', () => {
  it('is every change of a group and its participants, in order, with versions, actor and trace', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const traceparent = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
    const { body: group } = await ana.post<Group>('/groups', newGroup(), traceparent)
    const path = `/groups/${group.id}`
    await ana.patch(path, { name: 'Other' })
    await ana.patch(path, { name: 'Other' })
    await ana.patch(path, { postRules: 'OnlyAdmin' })
    await ben.post(`${path}/follow`)
    await ana.post(`${path}/participants/${ben.id}/mute`)
    await ana.delete(`${path}/participants/${ben.id}/mute`)
    await ana.post(`${path}/participants/${ben.id}/admin`)
    await ana.delete(`${path}/participants/${ben.id}/admin`)
    await ben.delete(`${path}/follow`)
    await ana.post(`${path}/participants`, { userId: ben.id })
    await ana.delete(`${path}/participants/${ben.id}`)
    await ana.delete(path)
    const told = await eventually(async () => {
      const all = await published(group.id)
      expect(all).toHaveLength(13)
      return all
    })
    const ofGroup = told.filter(({ subject }) => subject === group.id)
    expect(ofGroup.map(({ type, entityversion, data }) => [type, entityversion, data.contentRevision])).toEqual([
      ['groups.group.created', 1, 1],
      ['groups.group.updated', 2, 2],
      ['groups.group.updated', 3, 2],
      ['groups.group.deleted', 4, 2],
    ])
    expect(ofGroup[0]).toMatchObject({ actorid: ana.id, traceparent: expect.stringContaining(traceId) })
    expect(ofGroup[3]?.data.deletedAt).toBeDefined()
    const ofBen = told.filter(({ subject }) => subject === `${group.id}/${ben.id}`)
    expect(ofBen.map(({ type, entityversion }) => `${type.split('.')[2]} ${entityversion}`)).toEqual([
      'joined 1',
      'muted 2',
      'unmuted 3',
      'promoted 4',
      'demoted 5',
      'left 6',
      'joined 7',
      'removed 8',
    ])
  })
})

describe('a group that moderation rejected', () => {
  it('is redacted for everybody but its owner and moderators, wherever it shows', async () => {
    const ana = platform.person()
    const name = uniqueName()
    const fields = {
      name,
      avatarId: MEDIA,
      coverId: MEDIA,
      address: { uri: 'geonames:2950159' },
      location: { lat: 1, lng: 2 },
    }
    const group = await rejectedGroup(ana, fields)
    const reader = platform.person()
    const { body: seen } = await reader.get<Group>(`/groups/${group.id}`)
    expect(seen).toMatchObject({ name: '[redacted]', description: '[redacted]', moderated: true, ownerId: ana.id })
    for (const field of ['avatarId', 'coverId', 'address', 'location', 'shortName'])
      expect(seen).not.toHaveProperty(field)
    for (const person of [ana, platform.person({ roles: ['moderator'] }), platform.person({ roles: ['admin'] })]) {
      const { body } = await person.get<Group>(`/groups/${group.id}`)
      expect(body).toMatchObject({ name, avatarId: MEDIA, moderated: false, moderationStatus: 'rejected' })
    }
    const find = async (person: Person, query: string) =>
      (await person.get<Page<Group>>(`/groups?${query}`)).body.data.filter(({ id }) => id === group.id)
    // It stays in the list, and cannot be found by what it said, nor by where it was.
    expect(await find(reader, 'limit=100')).toHaveLength(1)
    expect(await find(reader, `groupName=${name}`)).toHaveLength(0)
    expect(await find(reader, 'address[city]=Berlin')).toHaveLength(0)
    expect((await find(reader, 'lat=1&lng=2&limit=100'))[0]).not.toHaveProperty('distance')
    expect(await find(ana, `groupName=${name}`)).toHaveLength(1)
    expect((await find(ana, 'lat=1&lng=2&limit=100'))[0]?.distance).toBeCloseTo(0)
  })

  it('goes to review when it is edited, and shows again when it is approved', async () => {
    const ana = platform.person()
    const group = await rejectedGroup(ana)
    await ana.patch(`/groups/${group.id}`, { name: 'Better' })
    const reader = platform.person()
    const statusOf = async () => (await reader.get<Group>(`/groups/${group.id}`)).body.moderationStatus
    await eventually(async () => expect(await statusOf()).toBe('review'))
    const moderator = platform.person({ roles: ['moderator'] })
    await moderator.post(`/moderation/groups/${group.id}/transitions`, { status: 'approved' })
    await eventually(async () => {
      const { body } = await reader.get<Group>(`/groups/${group.id}`)
      expect(body).toMatchObject({ name: 'Better', moderated: false, moderationStatus: 'approved' })
    })
  })
})

describe('events republish', () => {
  it('builds a read model anew that has lost everything', async () => {
    const ana = platform.person()
    const { body: group } = await ana.post<Group>('/groups', newGroup())
    const known = () =>
      onServer(platform.database.adminUrl, async (client) => {
        const { rows } = await client.query('select from moderation.item where entity_id = $1', [group.id])
        return rows.length
      })
    await eventually(async () => expect(await known()).toBe(1))
    await onServer(platform.database.adminUrl, (client) => client.query('truncate moderation.item cascade'))
    for (const topic of ['groups.group', 'groups.participant']) {
      await promisify(execFile)(process.execPath, [join(ROOT, 'libs/events/src/cli.ts'), 'republish', topic], {
        env: { ...process.env, DATABASE_URL: platform.database.urlFor('groups') },
      })
    }
    await eventually(async () => expect(await known()).toBe(1))
  })
})
