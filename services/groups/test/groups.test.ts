import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import type { Refusal } from '@platform/testing/client.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup, uniqueName } from './make-group.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

const UNKNOWN = '00000000-0000-1000-9000-510d9bb07630'

async function createGroup(owner: Person, fields: object = {}): Promise<Group> {
  const { status, body } = await owner.post<Group>('/groups', { ...newGroup(), ...fields })
  expect(status).toBe(201)
  return body
}

describe('POST /groups', () => {
  it('makes the caller owner, admin and first participant', async () => {
    const ana = platform.person()
    const input = {
      ...newGroup(),
      sportId: '4b72d209-debd-45e1-93cc-7640bf7d39bf',
      coverId: UNKNOWN,
      avatarId: UNKNOWN,
      address: { uri: 'geonames:2950159' },
      location: { lat: 52.5, lng: 13.4 },
    }
    const { status, body } = await ana.post<Group>('/groups', input)
    expect(status).toBe(201)
    const { address: _, ...fields } = input
    expect(body).toMatchObject({
      ...fields,
      groupType: 'Public',
      ownerId: ana.id,
      participantsCount: 1,
      participantsIds: [ana.id],
      isFollowing: true,
      moderationStatus: 'posted',
      moderated: false,
    })
    expect(body.address).toMatchObject({ city: 'Berlin', country: 'Germany', countryCode: 'DE' })
    const participants = await ana.get(`/groups/${body.id}/participants`)
    expect(participants.body).toEqual([{ userId: ana.id, isAdmin: true, isMuted: false }])
  })

  it.each([
    ['no body', undefined, 'body'],
    ['no name', { name: undefined }, 'body.name is missing'],
    ['a name of 61 characters', { name: 'x'.repeat(61) }, 'body.name'],
    ['a name that is a number', { name: 5 }, 'body.name'],
    ['a description of 1,001 characters', { description: 'x'.repeat(1001) }, 'body.description'],
    ['a short name of 4 characters', { shortName: 'abcd' }, 'body.shortName'],
    ['a short name of 33 characters', { shortName: 'x'.repeat(33) }, 'body.shortName'],
    ['a short name with a dash', { shortName: 'abc-def' }, 'body.shortName'],
    ['unknown post rules', { postRules: 'Nobody' }, 'body.postRules'],
    ['an unknown type', { groupType: 'Secret' }, 'body.groupType'],
    ['a sport that is no UUID', { sportId: 'football' }, 'body.sportId'],
    ['a URN as UUID', { coverId: `urn:uuid:${UNKNOWN}` }, 'body.coverId'],
    ['a latitude of 91', { location: { lat: 91, lng: 0 } }, 'body.location.lat'],
    ['a location without longitude', { location: { lat: 1 } }, 'body.location.lng'],
    ['an empty address', { address: { uri: '' } }, 'body.address.uri'],
    ['an address that nobody can resolve', { address: { uri: 'geonames:0' } }, 'body.address.uri'],
    ['a NUL in a text', { name: 'a\0b' }, 'NUL'],
  ])('refuses %s with 400 and names the field', async (_, fields, named) => {
    const { status, body } = await platform.person().post('/groups', fields && { ...newGroup(), ...fields })
    expect(status).toBe(400)
    expect(body.errors[0]).toMatchObject({ code: 'validation', endpoint: 'POST /groups' })
    expect(body.errors.map(({ message }) => message).join()).toContain(named)
  })

  it('reports every fault at once', async () => {
    const { body } = await platform.person().post('/groups', { name: 1, shortName: 'x' })
    expect(body.errors.length).toBeGreaterThanOrEqual(4)
  })

  it('gives a short name away once, whatever its case', async () => {
    const shortName = uniqueName()
    await createGroup(platform.person(), { shortName })
    const { status, body } = await platform
      .person()
      .post('/groups', { ...newGroup(), shortName: shortName.toUpperCase() })
    expect(status).toBe(409)
    expect(body.errors[0]?.code).toBe('conflict')
  })

  it('gives a short name that many want at once to exactly one', async () => {
    const shortName = uniqueName()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => platform.person().post('/groups', { ...newGroup(), shortName })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
  })

  it('frees the short name of a deleted group', async () => {
    const ana = platform.person()
    const group = await createGroup(ana)
    await ana.delete(`/groups/${group.id}`)
    await createGroup(platform.person(), { shortName: group.shortName })
  })

  it('replays the first answer to the same Idempotency-Key, also when both come at once', async () => {
    const ana = platform.person()
    const input = newGroup()
    const key = { 'Idempotency-Key': uniqueName() }
    const [a, b] = await Promise.all([ana.post<Group>('/groups', input, key), ana.post<Group>('/groups', input, key)])
    expect([a.status, b.status]).toEqual([201, 201])
    expect(b.body.id).toBe(a.body.id)
    const other = await ana.post('/groups', newGroup(), key)
    expect(other.status).toBe(409)
    const stranger = await platform.person().post('/groups', newGroup(), key)
    expect(stranger.status).toBe(201)
    const unusable = await ana.post('/groups', newGroup(), { 'Idempotency-Key': 'x'.repeat(256) })
    expect(unusable.status).toBe(400)
  })
})

describe('GET /groups/{groupId}', () => {
  it('shows a Public group to everybody, with their own isFollowing', async () => {
    const group = await createGroup(platform.person())
    const { status, body } = await platform.person().get<Group>(`/groups/${group.id}`)
    expect(status).toBe(200)
    expect(body).toEqual({ ...group, isFollowing: false })
  })

  it('hides a Private group from all but its participants', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const group = await createGroup(ana, { groupType: 'Private' })
    expect((await ben.get(`/groups/${group.id}`)).status).toBe(404)
    expect((await platform.person({ roles: ['admin'] }).get(`/groups/${group.id}`)).status).toBe(404)
    await ana.post(`/groups/${group.id}/participants`, { userId: ben.id })
    expect((await ben.get(`/groups/${group.id}`)).status).toBe(200)
  })

  it('knows no such group: 404; no UUID: 400; no credential: 401', async () => {
    const ana = platform.person()
    expect((await ana.get(`/groups/${UNKNOWN}`)).status).toBe(404)
    expect((await ana.get('/groups/17')).status).toBe(400)
    expect((await platform.nobody.get(`/groups/${UNKNOWN}`)).status).toBe(401)
  })

  it('shows the 50 newest participants and counts all', async () => {
    const ana = platform.person()
    const group = await createGroup(ana)
    const followers = Array.from({ length: 55 }, () => platform.person())
    await Promise.all(followers.map((person) => person.post(`/groups/${group.id}/follow`)))
    const { body } = await ana.get<Group>(`/groups/${group.id}`)
    expect(body.participantsCount).toBe(56)
    expect(body.participantsIds).toHaveLength(50)
    expect(body.participantsIds).not.toContain(ana.id)
  })
})

describe('PUT /groups/{groupId}', () => {
  it('replaces, and clears the optional fields that are left out', async () => {
    const ana = platform.person()
    const group = await createGroup(ana, { sportId: UNKNOWN, avatarId: UNKNOWN, location: { lat: 1, lng: 2 } })
    const input = newGroup()
    const { status, body } = await ana.put<Group>(`/groups/${group.id}`, input)
    expect(status).toBe(200)
    expect(body).toMatchObject(input)
    for (const field of ['sportId', 'avatarId', 'location', 'address']) expect(body).not.toHaveProperty(field)
    expect((await ana.get<Group>(`/groups/${group.id}`)).body).toEqual(body)
  })

  it('is for admins: 403 to others, 404 where the group is not known', async () => {
    const [ana, ben, eve] = [platform.person(), platform.person(), platform.person()]
    const group = await createGroup(ana)
    await ben.post(`/groups/${group.id}/follow`)
    expect((await eve.put(`/groups/${group.id}`, newGroup())).status).toBe(403)
    expect((await ben.put(`/groups/${group.id}`, newGroup())).status).toBe(403)
    await ana.post(`/groups/${group.id}/participants/${ben.id}/admin`)
    expect((await ben.put(`/groups/${group.id}`, newGroup())).status).toBe(200)
    const hidden = await createGroup(ana, { groupType: 'Private' })
    expect((await eve.put(`/groups/${hidden.id}`, newGroup())).status).toBe(404)
    expect((await eve.put(`/groups/${UNKNOWN}`, newGroup())).status).toBe(404)
    expect((await ana.put(`/groups/${group.id}`, {})).status).toBe(400)
    const taken = await createGroup(ana)
    expect((await ana.put(`/groups/${group.id}`, { ...newGroup(), shortName: taken.shortName })).status).toBe(409)
  })
})

describe('PATCH /groups/{groupId}', () => {
  it('changes what is given; null and absent leave a field', async () => {
    const ana = platform.person()
    const group = await createGroup(ana, { sportId: UNKNOWN, location: { lat: 1, lng: 2 } })
    const { status, body } = await ana.patch<Group>(`/groups/${group.id}`, {
      name: 'New',
      sportId: null,
      location: null,
    })
    expect(status).toBe(200)
    expect(body).toEqual({ ...group, name: 'New', updatedAt: body.updatedAt })
  })

  it('leaves the time of the last change alone when nothing changes', async () => {
    const ana = platform.person()
    const group = await createGroup(ana)
    expect((await ana.patch<Group>(`/groups/${group.id}`, { name: group.name })).body).toEqual(group)
    expect((await ana.patch<Group>(`/groups/${group.id}`, {})).body).toEqual(group)
  })

  it('is for admins', async () => {
    const group = await createGroup(platform.person())
    const eve = platform.person({ roles: ['moderator'] })
    expect((await eve.patch(`/groups/${group.id}`, { name: 'Mine' })).status).toBe(403)
    expect((await eve.patch(`/groups/${UNKNOWN}`, { name: 'Mine' })).status).toBe(404)
    expect((await eve.patch(`/groups/${group.id}`, { name: 4 })).status).toBe(400)
  })
})

describe('DELETE /groups/{groupId}', () => {
  it('is for the owner and platform admins, and the group vanishes everywhere', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const group = await createGroup(ana)
    await ana.post(`/groups/${group.id}/participants`, { userId: ben.id })
    await ana.post(`/groups/${group.id}/participants/${ben.id}/admin`)
    expect((await ben.delete(`/groups/${group.id}`)).status).toBe(403)
    expect((await platform.person({ roles: ['moderator'] }).delete(`/groups/${group.id}`)).status).toBe(403)
    expect((await ana.delete(`/groups/${group.id}`)).status).toBe(204)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/participants'],
      ['POST', '/follow'],
      ['DELETE', '/follow'],
    ] as const) {
      expect([path, (await ana.send(method, `/groups/${group.id}${path}`)).status]).toEqual([path, 404])
    }
    const mine = await ben.get<Page<Group>>('/groups?isFollowing=true')
    expect(mine.body).toMatchObject({ data: [], total: 0 })
  })

  it('lets a platform admin delete a Private group too', async () => {
    const group = await createGroup(platform.person(), { groupType: 'Private' })
    const admin = platform.person({ roles: ['admin'] })
    expect((await platform.person().delete(`/groups/${group.id}`)).status).toBe(404)
    expect((await admin.delete(`/groups/${group.id}`)).status).toBe(204)
    expect((await admin.delete(`/groups/${group.id}`)).status).toBe(404)
  })
})

describe('DELETE /groups/{groupId}/avatar', () => {
  it('is for admins and may be repeated', async () => {
    const ana = platform.person()
    const group = await createGroup(ana, { avatarId: UNKNOWN })
    expect((await platform.person().delete(`/groups/${group.id}/avatar`)).status).toBe(403)
    expect((await ana.delete(`/groups/${group.id}/avatar`)).status).toBe(204)
    expect((await ana.delete(`/groups/${group.id}/avatar`)).status).toBe(204)
    expect((await ana.delete(`/groups/${UNKNOWN}/avatar`)).status).toBe(404)
    expect((await ana.get<Group>(`/groups/${group.id}`)).body).not.toHaveProperty('avatarId')
  })
})

describe('an error', () => {
  it('carries the request id of its answer, and the one that was sent', async () => {
    const { headers, body } = await platform.person().get<Refusal>('/groups/17', { 'x-request-id': 'mine-17' })
    expect(headers['x-request-id']).toBe('mine-17')
    expect(body.errors[0]?.requestId).toBe('mine-17')
  })
})
