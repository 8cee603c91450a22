import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from '@platform/http/paging.ts'
import { type Person, type Platform, startPlatform } from '@platform/testing/platform.ts'
import type { Group } from '../src/groups/shapes.ts'
import { newGroup, uniqueName } from './make-group.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({ services: ['moderation'] })
})
afterAll(() => platform.stop())

/** Each test keeps to groups of a sport of its own. */
async function createGroups(owner: Person, fields: object[]): Promise<Group[]> {
  const groups: Group[] = []
  for (const each of fields) groups.push((await owner.post<Group>('/groups', { ...newGroup(), ...each })).body)
  return groups
}

async function list(person: Person, query: string): Promise<Page<Group>> {
  const { status, body } = await person.get<Page<Group>>(`/groups?${query}`)
  expect(status).toBe(200)
  return body
}

const names = ({ data }: Page<Group>) => data.map(({ name }) => name)

describe('GET /groups', () => {
  it('is empty, but a page, where nothing fits', async () => {
    expect(await list(platform.person(), `sportId=${randomUUID()}`)).toEqual({
      data: [],
      count: 0,
      currentPage: 0,
      page: 0,
      pageSize: 10,
      limit: 10,
      total: 0,
    })
  })

  it('gives every group once over its pages, newest first', async () => {
    const ana = platform.person()
    const sportId = randomUUID()
    const created = await createGroups(
      ana,
      Array.from({ length: 7 }, (_, i) => ({ name: `n${i}`, sportId })),
    )
    const seen: string[] = []
    for (const page of [0, 1, 2]) {
      const answer = await list(ana, `sportId=${sportId}&limit=3&page=${page}`)
      expect(answer).toMatchObject({
        total: 7,
        page,
        currentPage: page,
        limit: 3,
        pageSize: 3,
        count: page < 2 ? 3 : 1,
      })
      seen.push(...answer.data.map(({ id }) => id))
    }
    expect(seen).toEqual(created.map(({ id }) => id).reverse())
    expect((await list(ana, `sportId=${sportId}&page=2000000000`)).data).toEqual([])
  })

  it.each([
    'page=-1',
    'page=x',
    'page=1.5',
    'page=99999999999999999999',
    'limit=0',
    'limit=101',
    'sportId=1',
    'lat=1',
    'lng=1',
    'lat=91&lng=1',
    'lat=1&lng=181',
    'lat=NaN&lng=1',
    'isFollowing=maybe',
    'page=1&page=2',
    `groupName=${'x'.repeat(61)}`,
    'groupName=%00',
  ])('refuses ?%s', async (query) => {
    expect((await platform.person().get(`/groups?${query}`)).status).toBe(400)
  })

  it('finds a part of the name, whatever its case, and takes wildcards as they are', async () => {
    const ana = platform.person()
    const word = uniqueName()
    await createGroups(ana, [{ name: `The ${word} club` }, { name: `100%_${word}` }, { name: 'Other' }])
    expect(names(await list(ana, `groupName=${word.toUpperCase()}`))).toEqual([`100%_${word}`, `The ${word} club`])
    expect(names(await list(ana, `groupName=${encodeURIComponent(`%_${word}`)}`))).toEqual([`100%_${word}`])
    expect(names(await list(ana, `groupName=${encodeURIComponent(`_%${word}`)}`))).toEqual([])
  })

  it('combines filters with AND, address parts among them', async () => {
    const ana = platform.person()
    const sportId = randomUUID()
    await createGroups(ana, [
      { name: 'Berlin', sportId, address: { uri: 'geonames:2950159' } },
      { name: 'Munich', sportId, address: { uri: 'geonames:2867714' } },
      { name: 'Nowhere', sportId },
    ])
    const filtered = (query: string) => list(ana, `sportId=${sportId}&${query}`).then(names)
    expect(await filtered('address[countryCode]=de')).toEqual(['Munich', 'Berlin'])
    expect(await filtered('address[country]=Germany&address[city]=berlin')).toEqual(['Berlin'])
    expect(await filtered('address[city]=Paris')).toEqual([])
    expect(await filtered('address[city]=Berlin&groupName=Munich')).toEqual([])
    expect(await filtered('address[street]=x')).toEqual([])
  })

  it('tells own, administered and followed groups apart', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const sportId = randomUUID()
    const [owned, administered, followed] = [
      (await createGroups(ben, [{ name: 'owned', sportId }]))[0],
      ...(await createGroups(ana, [
        { name: 'administered', sportId },
        { name: 'followed', sportId },
        { name: 'strange', sportId },
      ])),
    ]
    expect(owned?.ownerId).toBe(ben.id)
    await ben.post(`/groups/${administered?.id}/follow`)
    await ana.post(`/groups/${administered?.id}/participants/${ben.id}/admin`)
    await ben.post(`/groups/${followed?.id}/follow`)
    const filtered = (query: string) => list(ben, `sportId=${sportId}&${query}`).then(names)
    expect(await filtered('myGroups=true')).toEqual(['administered', 'owned'])
    expect(await filtered('myGroups=true&includeFollowing=true')).toEqual(['followed', 'administered', 'owned'])
    expect(await filtered('includeFollowing=true')).toHaveLength(4)
    expect(await filtered('isFollowing=true')).toEqual(['followed', 'administered', 'owned'])
    expect(await filtered('isFollowing=false')).toEqual(['strange'])
    const shown = await list(ben, `sportId=${sportId}`)
    expect(shown.data.map(({ isFollowing }) => isFollowing)).toEqual([false, true, true, true])
  })

  it('shows Private groups to their participants only, and counts them so', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    const sportId = randomUUID()
    await createGroups(ana, [{ sportId, groupType: 'Private' }])
    expect((await list(ana, `sportId=${sportId}`)).total).toBe(1)
    expect((await list(ben, `sportId=${sportId}`)).total).toBe(0)
    expect((await list(platform.person({ roles: ['admin'] }), `sportId=${sportId}`)).total).toBe(0)
  })

  it('gives the nearest first, over the date line too, and those without a position last', async () => {
    const ana = platform.person()
    const sportId = randomUUID()
    await createGroups(ana, [
      { name: 'none', sportId },
      { name: 'Fiji, west', sportId, location: { lat: -17, lng: 179.9 } },
      { name: 'Fiji, east', sportId, location: { lat: -17, lng: -179.9 } },
      { name: 'Berlin', sportId, address: { uri: 'geonames:2950159' } },
    ])
    const near = await list(ana, `sportId=${sportId}&lat=-17&lng=-179.95`)
    expect(names(near)).toEqual(['Fiji, east', 'Fiji, west', 'Berlin', 'none'])
    expect(near.total).toBe(4)
    const [east, west, , none] = near.data.map(({ distance }) => distance)
    expect(east).toBeCloseTo(5.32, 1)
    expect(west).toBeCloseTo(15.95, 1)
    expect(none).toBeUndefined()
    const pages = await Promise.all(
      [0, 1, 2, 3].map((page) => list(ana, `sportId=${sportId}&lat=-17&lng=-179.95&limit=1&page=${page}`)),
    )
    expect(pages.flatMap(names)).toEqual(names(near))
  })

  it('gives the most popular first', async () => {
    const ana = platform.person()
    const sportId = randomUUID()
    const [quiet, busy] = await createGroups(ana, [
      { name: 'busy', sportId },
      { name: 'quiet', sportId },
    ]).then((g) => g.reverse())
    await platform.person().post(`/groups/${busy?.id}/follow`)
    expect(quiet?.participantsCount).toBe(1)
    const popular = await list(ana, `sportId=${sportId}&isPopular=true`)
    expect(popular.data.map(({ name, participantsCount }) => [name, participantsCount])).toEqual([
      ['busy', 2],
      ['quiet', 1],
    ])
  })

  it('keeps the total of all: it grows and shrinks with the groups that one may know of', async () => {
    const [ana, ben] = [platform.person(), platform.person()]
    // Other tests of this file run before and after, never at the same time.
    const before = (await list(ana, 'limit=1')).total
    const [open] = await createGroups(ana, [{}, { groupType: 'Private' }])
    expect((await list(ana, 'limit=1')).total).toBe(before + 2)
    expect((await list(ben, 'limit=1')).total).toBe((await list(platform.person(), '')).total)
    await ana.delete(`/groups/${open?.id}`)
    expect((await list(ana, 'limit=1')).total).toBe(before + 1)
  })
})
